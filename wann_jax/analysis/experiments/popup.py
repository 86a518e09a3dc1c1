"""Edge-popup: which connections count is learnt, their weights stay as they were drawn.

In: a task, a topology, weights [K, C], the share of connections that count. Out: scores [K, C].
"""

import dataclasses
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from wann_jax.analysis.experiments.masks import by_layer, largest, layer_of
from wann_jax.analysis.experiments.training import Plan
from wann_jax.networks.layered import Topology
from wann_jax.strictness import loose_types
from wann_jax.tasks.classification import ClassificationTask

HALVINGS = 20
RATE = 0.1  # of Adam on scores
ROUNDS = 4  # times a plan's steps: about what iterative pruning takes


def subnetworks(
    task: ClassificationTask, topology: Topology, plan: Plan, size: int, seeds: Sequence[int]
) -> np.ndarray:
    """Signs [S, C], random where a connection counts and 0 elsewhere, of at most so many connections for each seed."""
    draws = np.stack([np.random.default_rng(seed).choice([-1.0, 1.0], topology.num_connections) for seed in seeds])
    share = size / topology.num_connections
    # The scale of what is left matters to the softmax alone.
    weights = jnp.asarray(draws * np.sqrt(2.0 / (share * topology.fan_in)), jnp.float32)
    longer = dataclasses.replace(plan, steps=ROUNDS * plan.steps)
    rates, keys = jnp.full(len(seeds), RATE, jnp.float32), jnp.asarray(seeds, jnp.int32)
    scores = np.asarray(edge_popup(task, topology, longer, weights, share, rates, keys))
    return np.stack([largest(topology, by_layer(topology, each), size) for each in scores]) * draws


@partial(jax.jit, static_argnames=("topology", "plan", "share"))
def edge_popup(
    task: ClassificationTask,
    topology: Topology,
    plan: Plan,
    weights: Float[Array, "K C"],
    share: float,
    rates: Float[Array, "K"],
    seeds: Int[Array, "K"],
) -> Float[Array, "K C"]:
    """Scores of connections, learnt while the weights stay as they are: the largest of each layer count.

    The derivative passes straight through the choice. Source: Ramanujan et al. 2020 (1911.13299), here with Adam.
    """
    layer = layer_of(topology)
    places = [np.flatnonzero(layer == index) for index in range(layer.max() + 1)]

    def chosen(scores):
        mask = jnp.zeros_like(scores)
        for here in places:
            least = least_of_largest(scores[here], max(1, round(share * len(here))))
            mask = mask.at[here].set((scores[here] >= least).astype(jnp.float32))
        return scores + jax.lax.stop_gradient(mask - scores)

    def one(fixed, rate, seed):
        key, optimiser = jax.random.key(seed), optax.adam(optax.cosine_decay_schedule(rate, plan.steps))
        scores = jax.random.uniform(jax.random.fold_in(key, plan.steps), fixed.shape)

        def update(index, state):
            scores, moments = state
            step_key = jax.random.fold_in(key, index)
            loss = task.loss_of_weights(topology, step_key, plan.minibatch_size, 0, plan.input_noise)
            with loose_types():
                changes, moments = optimiser.update(jax.grad(lambda s: loss(fixed * chosen(s)))(scores), moments)
            return scores + changes, moments

        return jax.lax.fori_loop(0, plan.steps, update, (scores, optimiser.init(scores)))[0]

    return jax.vmap(one)(weights, rates, seeds)


def least_of_largest(scores: Float[Array, "n"], count: int) -> Float[Array, ""]:
    """What so many scores reach, to within a millionth of their range: by halving, which is faster than sorting."""

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        reached = (scores >= middle).sum() >= count
        return jnp.where(reached, middle, low), jnp.where(reached, high, middle)

    return jax.lax.fori_loop(0, HALVINGS, halve, (scores.min(), scores.max()))[0]
