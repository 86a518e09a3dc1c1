"""How good a VAE is: reconstruction, and what a linear probe of the means tells, on tracks it has not been trained on.

In: parameters and held-out frames. Out: figures.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import UInt8

from wann_jax.vae.config import VaeConfig
from wann_jax.vae.frames import Frames, make_frames
from wann_jax.vae.model import Losses, Params, decode, encode, losses
from wann_jax.vae.probe import probe_r2

CHUNK = 64  # frames at a time
TRUTHS = ("offset", "heading")


def held_out_frames(config: VaeConfig, seed: int) -> Frames:
    """Half poses, half drives, on tracks that no training frame comes from."""
    drives = config.held_out_frames // 2
    key = jax.random.fold_in(jax.random.key(seed), 2)
    return make_frames(key, config.held_out_tracks, config.held_out_frames - drives, drives)


def judge(params: Params, frames: Frames) -> dict[str, float]:
    """Squared error per frame (of the means' pictures, and of codes with their noise), divergence, R2 of the truths."""
    clean, noisy = (jax.tree.map(float, _mean_losses(params, frames.pixels, noise=noise)) for noise in (False, True))
    truth = np.stack([np.asarray(getattr(frames, name)) for name in TRUTHS], 1)
    means = np.asarray(_encode(params["encoder"], frames.pixels))
    found = probe_r2(means, truth, np.asarray(frames.track), np.asarray(frames.is_near))
    return {
        "reconstruction": clean.reconstruction,
        "reconstruction_of_noisy_codes": noisy.reconstruction,
        "divergence": clean.divergence,
        **{f"r2_{name}": float(value) for name, value in zip(TRUTHS, found, strict=True)},
    }


@jax.jit
def reconstruct(params: Params, pixels: UInt8[Array, "N 64 64 3"]) -> UInt8[Array, "N 64 64 3"]:
    """What the decoder makes of the means."""
    found = decode(params["decoder"], encode(params["encoder"], pixels))
    return jnp.floor(255.0 * found + 0.5).astype(jnp.uint8)


@jax.jit
def _encode(encoder: Params, pixels: Array) -> Array:
    return encode(encoder, pixels)


@partial(jax.jit, static_argnames="noise")
def _mean_losses(params: Params, pixels: Array, noise: bool) -> Losses:
    """Means over all frames; a number of frames that CHUNK does not divide is judged in smaller chunks."""
    size = pixels.shape[0]
    chunk = max(count for count in range(1, CHUNK + 1) if size % count == 0)
    latents = params["encoder"]["mean"]["bias"].shape[0]
    normal = jax.random.normal(jax.random.key(0), (size, latents)) if noise else jnp.zeros((size, latents))
    parts = (leaf.reshape(-1, chunk, *leaf.shape[1:]) for leaf in (pixels, normal))
    return jax.tree.map(jnp.mean, lax.map(lambda part: losses(params, *part), tuple(parts)))
