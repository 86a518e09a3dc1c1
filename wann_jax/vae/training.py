"""Training of the VAE: one compiled update, run over fresh frames.

In: a config, a seed, frames. Out: a `TrainState`, losses. Nothing here reads or writes files; a round's updates depend
on the seed and the number of the step alone, so that a training that was stopped goes on exactly.
"""

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Int, Key, UInt8

from wann_jax.devices import AXIS, population_mesh, replicated
from wann_jax.strictness import loose_types
from wann_jax.vae.config import VaeConfig
from wann_jax.vae.frames import make_frames
from wann_jax.vae.model import Losses, Params, init_params, losses


class TrainState(struct.PyTreeNode):
    """Everything that an update changes."""

    params: Params  # {"encoder": ..., "decoder": ...}
    moments: Any  # optax's state
    step: Int[Array, ""]  # updates done


def init_state(config: VaeConfig, seed: int) -> TrainState:
    """Random parameters."""
    key = jax.random.fold_in(jax.random.key(seed), 0)
    params = init_params(key, config.width, config.decoder_width, config.latents)
    return TrainState(params=params, moments=optimiser_of(config).init(params), step=jnp.int32(0))


@cache
def optimiser_of(config: VaeConfig) -> optax.GradientTransformation:
    """Adam with a clipped gradient."""
    rise = max(1, config.steps // 10)
    schedule = optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, rise, max(config.steps, rise + 1))
    clip = [optax.clip_by_global_norm(config.clip_norm)] if config.clip_norm > 0 else []
    return optax.chain(*clip, optax.adam(schedule))


@partial(jax.jit, static_argnames="config", donate_argnames="state")
def update(
    state: TrainState, frames: UInt8[Array, "B 64 64 3"], key: Key[Array, ""], config: VaeConfig
) -> tuple[TrainState, Losses]:
    """One step of descent on the reference's loss, with the codes' own noise. Consumes `key`."""
    noise = jax.random.normal(key, (frames.shape[0], config.latents))

    def loss(params):
        parts = losses(params, frames, noise)
        return parts.reconstruction + config.divergence_weight * parts.divergence, parts

    gradient, parts = jax.grad(loss, has_aux=True)(state.params)
    with loose_types():
        changes, moments = optimiser_of(config).update(gradient, state.moments, state.params)
        params = optax.apply_updates(state.params, changes)
    return TrainState(params=params, moments=moments, step=state.step + 1), parts


def run_round(
    state: TrainState, frames: UInt8[Array, "N 64 64 3"], config: VaeConfig, seed: int, steps: int
) -> tuple[TrainState, Losses]:
    """`steps` updates over so many batches of `frames`, in order; losses [steps]. `state` is used up.

    Batches are split over the accelerators. Not over a CPU's cores: they share one device's convolutions anyway, and
    where they are busy, a sum over devices waits so long for its last core that XLA ends the process.
    """
    size = config.batch_size
    root, first = jax.random.fold_in(jax.random.key(seed), 1), int(state.step)
    mesh = population_mesh()
    is_split = jax.default_backend() != "cpu" and size % mesh.size == 0
    found = []
    for index in range(steps):
        batch, key = frames[index * size : (index + 1) * size], jax.random.fold_in(root, first + index)
        if is_split:
            batch = jax.device_put(batch, NamedSharding(mesh, PartitionSpec(AXIS)))
            state, key = jax.device_put((state, key), replicated())
        state, parts = update(state, batch, key, config)
        found.append(parts)
    return state, jax.tree.map(lambda *leaves: jnp.stack(leaves), *found)


def round_frames(config: VaeConfig, seed: int, first_step: int) -> UInt8[Array, "N 64 64 3"]:
    """Frames for the round that begins at `first_step`, in random order, on tracks of its own."""
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), 3), first_step)
    frame_key, order_key = jax.random.split(key)
    total = config.round_steps * config.batch_size
    drives = round(config.rollout_share * total)
    pixels = make_frames(frame_key, config.tracks, total - drives, drives).pixels
    return pixels[jax.random.permutation(order_key, total)]
