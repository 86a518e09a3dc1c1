"""Training of ternary weights: restarts side by side, all weights learn, ever fewer count.

In: a task, a configuration, a key. Out: latent weights after so many updates. The number of connections, relays
counted, falls geometrically from all to the budget between two shares of the steps; which weights count is looked at
again every few updates. Source: straight-through estimates after Bengio et al. 2013; the rest is ours.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import Array, lax
from jaxtyping import Float, Int, Key

from wann_jax.kernels.losses import CrossEntropy
from wann_jax.strictness import loose_types
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.ternary.config import TernaryConfig
from wann_jax.ternary.model import Matrices, outputs, price_for, ternary

UPDATES_PER_LOOK = 10  # between two looks at which weights count
START = 0.3  # largest size of a latent weight at the start


class Training(struct.PyTreeNode):
    """The state of one restart (vmap over restarts)."""

    latent: Matrices
    moments: Any
    step: Int[Array, ""]


def begin(key: Key[Array, ""], config: TernaryConfig, num_inputs: int, num_outputs: int) -> Training:
    """The start of all restarts, [R]. Consumes `key`."""
    widths = (num_inputs + 1, *config.hidden, num_outputs)

    def one(key):
        keys = jax.random.split(key, len(widths) - 1)
        shapes = zip(keys, widths, widths[1:], strict=False)
        latent = [jax.random.uniform(key, shape, minval=-START, maxval=START) for key, *shape in shapes]
        return Training(latent, _optimiser(config).init(latent), jnp.int32(0))

    return jax.vmap(one)(jax.random.split(key, config.restarts))


def budgets_at(config: TernaryConfig, step: Int[Array, ""], sizes: tuple[int, ...]) -> Float[Array, "layers"]:
    """Connections that each layer may have, relays counted; `sizes`: those that it has at most."""
    share = jnp.asarray(sizes, jnp.float32) / sum(sizes)
    done = step.astype(jnp.float32) / config.steps
    progress = jnp.clip((done - config.prune_begin) / (config.prune_end - config.prune_begin), 0.0, 1.0)
    total = jnp.exp((1.0 - progress) * jnp.log(float(sum(sizes))) + progress * jnp.log(float(config.connections)))
    return total * ((1.0 - progress) * share + progress * jnp.asarray(final_shares(config, sizes), jnp.float32))


def final_shares(config: TernaryConfig, sizes: tuple[int, ...]) -> list[float]:
    """Of the budget, by layer: the outputs' would starve among the others; these share the rest by their sizes."""
    rest = [(1.0 - config.last_share) * size / sum(sizes[:-1]) for size in sizes[:-1]]
    return [*rest, config.last_share]


def most_connections(latent: Matrices) -> tuple[int, ...]:
    """By layer: all weights, and two relays for each source."""
    return tuple(matrix.shape[-2] * (matrix.shape[-1] + 2) for matrix in latent)


@partial(jax.jit, static_argnums=0)
def advance(
    config: TernaryConfig, task: ClassificationTask, key: Key[Array, ""], state: Training, looks: Array
) -> Training:
    """All restarts after so many looks more, the same mini-batches for all. The same key goes on with the same run."""
    sizes = most_connections(state.latent)
    images, labels = task.inputs["train"], task.labels["train"]
    size = min(config.minibatch_size, labels.shape[0])

    def loss(latent, prices, inputs, wanted):
        weights = [ternary(matrix, price) for matrix, price in zip(latent, prices, strict=True)]
        return CrossEntropy(wanted, config.deviation)(outputs(weights, inputs, config.activation)[None])[0]

    def update(state, prices, inputs, wanted):
        gradients = jax.grad(loss)(state.latent, prices, inputs, wanted)
        with loose_types():
            changes, moments = _optimiser(config).update(gradients, state.moments)
            latent = optax.apply_updates(state.latent, changes)
        return state.replace(latent=latent, moments=moments, step=state.step + 1)

    def look(state):
        budgets = budgets_at(config, state.step, sizes)
        return [price_for(matrix, budgets[layer]) for layer, matrix in enumerate(state.latent)]

    def one_look(_, state):
        prices = jax.vmap(look)(state)

        def one_update(state, _):
            batch_key, noise_key = jax.random.split(jax.random.fold_in(key, state.step[0]))
            batch = jax.random.randint(batch_key, (size,), 0, labels.shape[0])
            inputs = images[batch] + config.input_noise * jax.random.normal(noise_key, (size, images.shape[1]))
            return jax.vmap(update, (0, 0, None, None))(state, prices, inputs, labels[batch]), None

        return lax.scan(one_update, state, None, UPDATES_PER_LOOK)[0]

    return lax.fori_loop(0, looks, one_look, state)


def _optimiser(config: TernaryConfig) -> optax.GradientTransformation:
    return optax.adam(optax.linear_schedule(config.learning_rate, 0.0, config.steps))
