"""The paper's variational autoencoder: encoder, decoder and loss.

In: frames, uint8 [N, 64, 64, 3]. Out: means [N, Z] of the code, reconstructions in [0, 1], losses. The layers are
those of the paper's `vae.py` (after World Models, Ha & Schmidhuber 2018): four convolutions 4 x 4 with stride 2, and
back from a dense layer by transposed ones of 5, 5, 6 and 6. `width` is the number of channels nearest to the picture
(the paper's is 32, with 16 means); every layer further in has twice as many.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array
from jaxtyping import Float, Key, UInt8

from wann_jax.vae.convolution import double, halve

PAPER_LATENTS, PAPER_WIDTH = 16, 32
SIDE = 64  # pixels
ENCODER_KERNELS, DECODER_KERNELS = (4, 4, 4, 4), (5, 5, 6, 6)
ENCODER_OUT_SIDE = 2
CPU_CHUNK = 16  # frames
KL_FLOOR = 0.5  # nats per latent; below it the divergence costs nothing, as in the reference

Params = dict[str, Any]


class Losses(NamedTuple):
    """Means over the batch."""

    reconstruction: Float[Array, ""]  # squared error, summed over pixels and channels
    divergence: Float[Array, ""]  # KL from the standard normal, in nats, each frame's floored at KL_FLOOR * Z


class Encoder(nn.Module):
    """Pixels in [0, 1] to mean and log variance of the code."""

    width: int
    latents: int

    @nn.compact
    def __call__(self, pixels: Float[Array, "N 64 64 3"]) -> tuple[Float[Array, "N Z"], Float[Array, "N Z"]]:
        """Means and log variances."""
        image = pixels
        for layer, size in enumerate(ENCODER_KERNELS):
            channels = (image.shape[-1], self.width * 2**layer)
            init = nn.initializers.variance_scaling(2.0, "fan_in", "truncated_normal")
            kernel = self.param(f"kernel{layer}", init, (size, size, *channels))
            image = nn.relu(
                _add(halve(image, kernel), self.param(f"bias{layer}", nn.initializers.zeros_init(), channels[1:]))
            )
        flat = image.reshape(image.shape[0], -1)
        return nn.Dense(self.latents, name="mean")(flat), nn.Dense(self.latents, name="log_variance")(flat)


class Decoder(nn.Module):
    """A code to pixels in [0, 1]."""

    width: int

    @nn.compact
    def __call__(self, code: Float[Array, "N Z"]) -> Float[Array, "N 64 64 3"]:
        """The picture."""
        image = nn.Dense(32 * self.width, name="dense")(code)[:, None, None, :]
        widths = (4 * self.width, 2 * self.width, self.width, 3)
        for layer, (size, width) in enumerate(zip(DECODER_KERNELS, widths, strict=True)):
            channels = (width, image.shape[-1])  # a pixel of the larger image is under a quarter of the kernel
            init = nn.initializers.variance_scaling(4.0, "fan_in", "truncated_normal", in_axis=-1, out_axis=-2)
            kernel = self.param(f"kernel{layer}", init, (size, size, *channels))
            image = _add(double(image, kernel), self.param(f"bias{layer}", nn.initializers.zeros_init(), (width,)))
            image = nn.relu(image) if layer < 3 else nn.sigmoid(image)
        return image


@partial(jax.jit, static_argnums=(1, 2, 3))
def init_params(key: Key[Array, ""], width: int, decoder_width: int, latents: int = PAPER_LATENTS) -> Params:
    """{"encoder": ..., "decoder": ...}, at random. Consumes `key`."""
    encoder_key, decoder_key = jax.random.split(key)
    pixels, code = jnp.zeros((1, SIDE, SIDE, 3)), jnp.zeros((1, latents))
    return {
        "encoder": Encoder(width, latents).init(encoder_key, pixels)["params"],
        "decoder": Decoder(decoder_width).init(decoder_key, code)["params"],
    }


def encoder_of(params: Params) -> Encoder:
    """The encoder that has these parameters (an encoder's own, not the pair)."""
    return Encoder(params["kernel0"].shape[-1], params["mean"]["bias"].shape[-1])


def to_pixels(frames: UInt8[Array, "N 64 64 3"]) -> Float[Array, "N 64 64 3"]:
    """From bytes to [0, 1]."""
    return frames.astype(jnp.float32) / 255.0


def encode(
    encoder: Params, frames: UInt8[Array, "N 64 64 3"], dtype: Any = None, chunk: int | None = None
) -> Float[Array, "N Z"]:
    """Means of the codes, float32.

    `dtype` of the computation; None: float32 on a CPU, bfloat16 elsewhere. `chunk`: frames at a time; 0: all at once;
    None: as many as a CPU's cache holds the layers of (twice as fast as all at once), all at once elsewhere.
    """
    on_cpu = jax.default_backend() == "cpu"
    dtype = dtype or (jnp.float32 if on_cpu else jnp.bfloat16)
    chunk = (CPU_CHUNK if on_cpu else 0) if chunk is None else chunk
    weights = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), encoder)
    model, size = encoder_of(encoder), frames.shape[0]

    def run(frames: Array) -> Array:
        return _apply(model, weights, to_pixels(frames).astype(dtype))[0].astype(jnp.float32)

    if not 0 < chunk < size:
        return run(frames)
    return jax.lax.map(lambda frame: run(frame[None])[0], frames, batch_size=chunk)


def decode(decoder: Params, code: Float[Array, "N Z"]) -> Float[Array, "N 64 64 3"]:
    """Pictures of codes, in [0, 1]."""
    width = decoder["kernel2"].shape[-2]
    return _apply(Decoder(width), decoder, code)


def losses(params: Params, frames: UInt8[Array, "N 64 64 3"], noise: Float[Array, "N Z"]) -> Losses:
    """The two parts of the reference's loss; `noise` is standard normal, or 0 to decode the means themselves."""
    pixels = to_pixels(frames)
    mean, log_variance = _apply(encoder_of(params["encoder"]), params["encoder"], pixels)
    found = decode(params["decoder"], mean + jnp.exp(0.5 * log_variance) * noise)
    divergence = -0.5 * (1.0 + log_variance - jnp.square(mean) - jnp.exp(log_variance)).sum(-1)
    return Losses(
        reconstruction=jnp.square(found - pixels).sum((1, 2, 3)).mean(),
        divergence=jnp.maximum(divergence, KL_FLOOR * mean.shape[-1]).mean(),
    )


def _apply(module: nn.Module, params: Params, inputs: Array) -> Any:
    return module.apply({"params": params}, inputs)


def _add(image: Float[Array, "N S S C"], bias: Float[Array, "C"]) -> Float[Array, "N S S C"]:
    return image + jnp.broadcast_to(bias, image.shape)
