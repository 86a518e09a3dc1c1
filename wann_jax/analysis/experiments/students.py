"""Networks of about as many connections, evolved or not, that experiments train from the same place.

In: a task's name, a size. Out: for each arm a topology, masks and starting weights, one for each seed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from wann_jax.analysis.baselines import dense_topology
from wann_jax.analysis.experiments.masks import prune
from wann_jax.analysis.experiments.training import Plan, Vary, accuracies, all_left, fresh, same, train
from wann_jax.errors import require_known
from wann_jax.genomes.activation_ids import RELU
from wann_jax.networks.files import load_network
from wann_jax.networks.layered import Topology
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.ternary.api import search_ternary
from wann_jax.ternary.config import TernaryConfig

RATES = (0.03, 0.1, 0.3)  # of Adam, of which each run has the best
EVOLVED, PRUNED, DENSE, GRADED = "evolved", "pruned dense", "dense", "graded"
# Evolved networks by live connections.
ZOO = {"digits": {519: "digits", 5821: "digits5907"}, "mnist": {1421: "mnist", 5054: "mnist5k"}}
LEAST_EVOLVED = {task: min(sizes) for task, sizes in ZOO.items()}
PLANS = {"digits": Plan(1500), "mnist": Plan(6000, 256)}  # of training
SHARED_START = 0.3  # evolved networks learn best from a small shared weight (tuning/config.py)
PRUNING_RATE = 0.03
WIDTH = 64  # of the network that is pruned


class Student(NamedTuple):
    """What is trained, a row for each run."""

    topology: Topology
    masks: np.ndarray  # [K, C]
    starts: np.ndarray  # [K, C]

    @property
    def connections(self) -> float:
        """That are left, mean over runs."""
        return float(self.masks.sum(1).mean())


def student_of(arm: str, task: ClassificationTask, size: int, seeds: Sequence[int], steps: int) -> Student:
    """The student of an arm with about so many connections; `steps`: of its searches or prunings."""
    if arm == EVOLVED:
        return near_shared_weight(evolved_topology(task, size), seeds)
    if arm == GRADED:
        return near_shared_weight(graded_topology(task, size, 2 * steps), seeds)
    if arm == PRUNED:
        return pruned(task, WIDTH, [size], seeds, Plan(steps))[size]
    return dense(task, size, seeds)


def evolved_topology(task: ClassificationTask, size: int) -> Topology:
    """Of the zoo's network of so many live connections. Raises ConfigError for a task without one."""
    require_known("task", task.name, ZOO)
    return Topology.of(load_network(ZOO[task.name][size]))


def graded_topology(task: ClassificationTask, size: int, steps: int, seed: int = 0) -> Topology:
    """Of an exactly weight agnostic network, found by a ternary search of one restart."""
    config = TernaryConfig(connections=size, restarts=1, steps=steps)
    return Topology.of(search_ternary(task, config, seed).network)


def near_shared_weight(topology: Topology, seeds: Sequence[int]) -> Student:
    """All seeds of one topology, disturbed a little by each."""
    noise = np.stack([np.random.default_rng(seed).normal(size=topology.num_connections) for seed in seeds])
    masks = all_left(topology, len(seeds))
    return Student(topology, masks, (masks * SHARED_START * (1.0 + 0.2 * noise)).astype(np.float32))


def dense(task: ClassificationTask, size: int, seeds: Sequence[int]) -> Student:
    """Two layers with biases and ReLU, as wide as comes nearest to so many connections."""
    width = max(1, round((size - task.num_outputs) / (task.num_inputs + 1 + task.num_outputs)))
    topology = dense_topology(task.num_inputs, width, task.num_outputs, RELU)
    masks = all_left(topology, len(seeds))
    return Student(topology, masks, fresh(topology, masks, seeds))


def pruned(
    task: ClassificationTask, width: int, sizes: Sequence[int], seeds: Sequence[int], plan: Plan
) -> dict[int, Student]:
    """Two layers of that width, pruned for the task's true labels by magnitude, in rounds that halve; by size."""
    topology = dense_topology(task.num_inputs, width, task.num_outputs, RELU)
    starts = fresh(topology, all_left(topology, len(seeds)), seeds)
    rounds = halving(topology.num_connections, sizes)
    early, found = prune(task, topology, plan, starts, PRUNING_RATE, seeds, rounds, rewind=plan.steps // 15)
    by_size = {size: masks for size, (masks, _) in zip(rounds, found, strict=True)}
    return {size: Student(topology, by_size[size], early * by_size[size]) for size in sizes}


def halving(whole: int, sizes: Sequence[int]) -> list[int]:
    """Falling sizes from the whole through all of these, each at least a half of the one before, or nearly."""
    found: list[int] = []
    for size in sorted(sizes, reverse=True):
        before = found[-1] if found else whole
        rounds = max(1, round(np.log2(before / size)))
        found += [round(before * (size / before) ** (step / rounds)) for step in range(1, rounds)] + [size]
    return found


class Tuned(NamedTuple):
    """The best of several rates by the validation images, for each run."""

    weights: np.ndarray  # [K, C]
    validation: np.ndarray  # [K], accuracy


def tuned(
    task: ClassificationTask,
    student: Student,
    plan: Plan,
    seeds: Sequence[int],
    rates: Sequence[float] = RATES,
    cases: Any = None,
    vary: Vary = same,
) -> Tuned:
    """Trains each run at each rate, all side by side; see `train`."""

    def repeated(array: Any) -> Array:
        return jnp.concatenate([jnp.asarray(array)] * len(rates))

    by_rate = jnp.repeat(jnp.asarray(rates, jnp.float32), len(seeds))
    given = (repeated(student.starts), repeated(student.masks), by_rate, repeated(np.asarray(seeds, np.int32)))
    weights = train(task, student.topology, plan, *given, jax.tree.map(repeated, cases), vary)
    scores = accuracies(task, student.topology, weights, "validation").reshape(len(rates), -1)
    best, runs = scores.argmax(0), np.arange(len(seeds))
    by_run = np.asarray(weights).reshape(len(rates), len(seeds), -1)
    return Tuned(by_run[best, runs], scores[best, runs])
