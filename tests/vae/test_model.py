"""The VAE's layers, codes and losses against slow NumPy; gradients against XLA's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.oracle import vae as oracle
from wann_jax.vae.convolution import double, halve
from wann_jax.vae.model import decode, encode, init_params, losses

WIDTH, DECODER_WIDTH, LATENTS = 3, 2, 5


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(found, wanted, tolerance=2e-5):
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())


@pytest.fixture(scope="module")
def params():
    """Random, biases too."""
    found = init_params(jax.random.key(0), WIDTH, DECODER_WIDTH, LATENTS)
    leaves, structure = jax.tree.flatten(found)
    return jax.tree.unflatten(
        structure, [leaf + jnp.asarray(0.1 * normal(i, *leaf.shape)) for i, leaf in enumerate(leaves)]
    )


@pytest.fixture(scope="module")
def frames():
    return jnp.asarray(np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize(("side", "size"), [(10, 4), (11, 4), (9, 5), (12, 6)])
class TestConvolution:
    """`halve`, `double` and all their gradients; sides that leave a row over, kernels of even and odd size."""

    def test_it_matches_loops(self, side, size):
        large, kernel = normal(0, 2, side, side, 3), normal(1, size, size, 3, 4)
        small = normal(2, 2, (side - size) // 2 + 1, (side - size) // 2 + 1, 4)
        close(jax.jit(halve)(large, kernel), [oracle.convolution(image, kernel) for image in large])
        close(jax.jit(double)(small, kernel), [oracle.transposed_convolution(image, kernel) for image in small])

    def test_gradients_match_those_of_xla(self, side, size):
        large, kernel = jnp.asarray(normal(0, 2, side, side, 3)), jnp.asarray(normal(1, size, size, 3, 4))
        layout = ("NHWC", "HWIO", "NHWC")

        def plain(large, kernel):
            return lax.conv_general_dilated(large, kernel, (2, 2), "VALID", dimension_numbers=layout)

        def plain_transposed(small, kernel):
            shape = (2, *[2 * (small.shape[1] - 1) + size] * 2, 3)
            return jax.linear_transpose(lambda large: plain(large, kernel), jax.ShapeDtypeStruct(shape, jnp.float32))(
                small
            )[0]

        small = plain(large, kernel)
        for ours, theirs, image in ((halve, plain, large), (double, plain_transposed, small)):
            gradients = [
                jax.jit(jax.grad(lambda image, kernel, f=f: jnp.sin(f(image, kernel)).sum(), (0, 1)))(image, kernel)
                for f in (ours, theirs)
            ]
            for found, wanted in zip(*gradients, strict=True):
                assert np.abs(wanted).max() > 0.1
                close(found, wanted)


class TestCodes:
    def test_means_match_numpy(self, params, frames):
        found = jax.jit(encode, static_argnames="dtype")(params["encoder"], frames, dtype=jnp.float32)
        wanted = np.array([oracle.encode(jax.device_get(params["encoder"]), frame)[0] for frame in np.asarray(frames)])
        assert found.shape == (3, LATENTS)
        assert wanted.std() > 0.1
        close(found, wanted)

    @pytest.mark.parametrize("chunk", [None, 1, 2, 3, 7])
    def test_chunks_make_no_difference(self, params, frames, chunk):
        found = jax.jit(encode, static_argnames="chunk")(params["encoder"], frames, chunk=chunk)
        close(found, encode(params["encoder"], frames, chunk=0), 1e-6)

    def test_bfloat16_is_nearly_the_same(self, params, frames):
        wanted = encode(params["encoder"], frames)
        found = jax.jit(encode, static_argnames="dtype")(params["encoder"], frames, dtype=jnp.bfloat16)
        assert found.dtype == jnp.float32
        close(found, wanted, 0.03)
        assert np.abs(found - wanted).max() > 1e-5  # it was indeed computed otherwise

    def test_pictures_match_numpy(self, params):
        codes = jnp.asarray(normal(3, 3, LATENTS))
        close(
            jax.jit(decode)(params["decoder"], codes),
            [oracle.decode(jax.device_get(params["decoder"]), code) for code in np.asarray(codes)],
        )

    def test_the_papers_sizes(self):
        shapes = jax.eval_shape(lambda: init_params(jax.random.key(0), 32, 32, 16))
        sizes = {part: sum(leaf.size for leaf in jax.tree.leaves(tree)) for part, tree in shapes.items()}
        assert sizes == {"encoder": 722_944, "decoder": 3_576_419}


class TestLosses:
    @pytest.mark.parametrize("shrink", [4.0, 0.1], ids=["above the floor", "at the floor"])
    def test_they_match_numpy(self, params, frames, shrink):
        heads = {
            name: jax.tree.map(lambda leaf: shrink * leaf, params["encoder"][name]) for name in ("mean", "log_variance")
        }
        params = {**params, "encoder": {**params["encoder"], **heads}}
        noise = jnp.asarray(normal(4, 3, LATENTS))
        found = jax.jit(losses)(params, frames, noise)
        reconstruction, divergence = oracle.losses(jax.device_get(params), np.asarray(frames), np.asarray(noise))
        assert (divergence == 0.5 * LATENTS) == (shrink < 1)
        np.testing.assert_allclose(found.reconstruction, reconstruction, rtol=1e-5)
        np.testing.assert_allclose(found.divergence, divergence, rtol=1e-4)
