"""Training of many networks of one topology side by side, and masks: which of its connections are left.

In: a task, a topology, weights and masks [K, C] of K runs (seeds, rates, masks, losses). Out: weights [K, C], classes
[K, n]. A dense topology with masks stands for every sparse one. Runs are alone: what else runs makes no difference.
"""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax
from jaxtyping import Float, Int

from wann_jax.kernels.losses import classes_of
from wann_jax.networks.layered import Topology, in_layers
from wann_jax.strictness import loose_types
from wann_jax.tasks.classification import ClassificationTask

Vary = Callable[[ClassificationTask, Any], ClassificationTask]


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long and on what is trained: Adam, its rate falling to 0 as a cosine."""

    steps: int = 2000
    minibatch_size: int = 128
    input_noise: float = 0.1


def same(task: ClassificationTask, case: Any) -> ClassificationTask:
    """All runs have the same task."""
    return task


def with_labels(task: ClassificationTask, labels: Any) -> ClassificationTask:
    """The task with other training labels."""
    return task.replace(labels=task.labels | {"train": labels})


@partial(jax.jit, static_argnames=("topology", "plan", "vary"))
def train(
    task: ClassificationTask,
    topology: Topology,
    plan: Plan,
    starts: Float[Array, "K C"],
    masks: Float[Array, "K C"],
    rates: Float[Array, "K"],
    seeds: Int[Array, "K"],
    cases: Any = None,
    vary: Vary = same,
    steps: Int[Array, ""] | int | None = None,
    horizon: Int[Array, ""] | int | None = None,
) -> Float[Array, "K C"]:
    """Weights after training; 0 where a mask is.

    Args:
        task: its training split.
        topology: of all runs.
        plan: as long as the schedule of the rate goes.
        starts: weights to start from.
        masks: 1 for connections that are trained, 0 for those that are gone.
        rates: of Adam, whose steps are divided by the root of a connection's fan-in.
        seeds: of mini-batches and noise; runs of one seed see the same.
        cases: what `vary` makes each run's own task of, with a leading K.
        vary: from the task and a case to the run's task.
        steps: to stop after; by default, all of the plan.
        horizon: the steps in which rates fall to 0; by default, all of the plan.
    """
    last = plan.steps if steps is None else steps
    length = jnp.float32(plan.steps if horizon is None else horizon)

    def one(start, mask, rate, seed, case):
        mine, key = vary(task, case), jax.random.key(seed)
        scale = masked_fan_in(topology, mask) ** -0.5
        optimiser = optax.adam(lambda count: rate * 0.5 * (1.0 + jnp.cos(jnp.pi * jnp.minimum(count / length, 1.0))))

        def update(index, state):
            weights, moments = state
            step_key = jax.random.fold_in(key, index)
            loss = mine.loss_of_weights(topology, step_key, plan.minibatch_size, 0, plan.input_noise)
            gradient = jax.grad(loss)(weights * mask) * mask
            with loose_types():
                changes, moments = optimiser.update(gradient, moments)
            return weights + scale * changes, moments

        return lax.fori_loop(0, last, update, (start * mask, optimiser.init(start)))[0] * mask

    return jax.vmap(one, in_axes=(0, 0, 0, 0, None if cases is None else 0))(starts, masks, rates, seeds, cases)


def masked_fan_in(topology: Topology, mask: Float[Array, "C"]) -> Float[Array, "C"]:
    """For each connection, how many that are left lead into its target; at least 1."""
    targets = targets_of(topology)
    counts = jnp.zeros(len(topology.nodes)).at[targets].add(mask)
    return jnp.maximum(counts, 1.0)[targets]


def targets_of(topology: Topology) -> np.ndarray:
    """[C]: the target of each connection, counted among computed nodes; of dead ones, 0."""
    targets = np.zeros(topology.num_connections, np.int32)
    for index, node in enumerate(topology.nodes):
        targets[list(node.connections)] = index
    return targets


def fresh(topology: Topology, masks: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
    """Random weights [K, C] by seed: normal, of variance 2 by the fan-in that is left (He et al. 2015)."""
    fan_in = np.asarray(jax.vmap(partial(masked_fan_in, topology))(jnp.asarray(masks, jnp.float32)))
    draws = np.stack([np.random.default_rng(seed).normal(size=topology.num_connections) for seed in seeds])
    return (draws * np.sqrt(2.0 / fan_in) * masks).astype(np.float32)


@partial(jax.jit, static_argnames="topology")
def classes(topology: Topology, weights: Float[Array, "K C"], inputs: Float[Array, "n I"]) -> Int[Array, "K n"]:
    """What each run says of the inputs."""
    return lax.map(lambda vector: classes_of(in_layers(topology, vector, inputs)), weights)


def all_left(topology: Topology, runs: int) -> np.ndarray:
    """Masks [K, C] of whole topologies: what leads to no output is gone."""
    mask = np.zeros(topology.num_connections, np.float32)
    for node in topology.nodes:
        mask[list(node.connections)] = 1.0
    return np.tile(mask, (runs, 1))


def accuracies(
    task: ClassificationTask, topology: Topology, weights: Any, split: str, labels: np.ndarray | None = None
) -> np.ndarray:
    """[K], by the task's labels of that split or by the given ones [K, n]."""
    found = classes(topology, jnp.asarray(weights, jnp.float32), task.inputs[split])
    wanted = task.labels[split][None] if labels is None else jnp.asarray(labels)
    return np.asarray((found == wanted).mean(-1, dtype=jnp.float32))


def rounded(values: Any) -> list[float]:
    """Accuracies as they are kept."""
    return [round(float(value), 4) for value in values]
