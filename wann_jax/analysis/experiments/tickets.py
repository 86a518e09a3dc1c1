"""Arms of the experiment about lottery tickets: test accuracies of sparse networks with so many connections.

In: an arm's name, a size. Out: an accuracy for each seed, of tuned weights, or of one magnitude for all connections.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from wann_jax.analysis.baselines import dense_topology
from wann_jax.analysis.experiments.masks import erk, prune
from wann_jax.analysis.experiments.popup import subnetworks
from wann_jax.analysis.experiments.students import (
    EVOLVED,
    GRADED,
    PRUNING_RATE,
    Student,
    evolved_topology,
    graded_topology,
    halving,
    near_shared_weight,
    tuned,
)
from wann_jax.analysis.experiments.training import Plan, accuracies, all_left, fresh, rounded
from wann_jax.genomes.activation_ids import RELU
from wann_jax.networks.files import load_network
from wann_jax.networks.layered import Topology

UNIONS: dict[str, dict[int, str]] = {"digits": {}, "mnist": {1849: "mnist1849", 5082: "mnist5082"}}
WIDTH, WIDE = 128, 512  # hidden nodes of what is pruned
REWOUND, NEW, RANDOM, UNION = "pruned, rewound", "pruned, new weights", "random mask", "pruned union"
SIGNED, UNSIGNED = "pruned, signs kept", "pruned, one sign"
POPUP, POPUP_WIDE = "edge-popup", f"edge-popup, {WIDE} hidden"
TUNED, SHARED = "tuned weights", "one magnitude"
NEW_SEEDS = 1000  # those of new weights begin here
MAGNITUDES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0)


class Tickets:
    """What the arms share is made once, when it is asked for."""

    def __init__(self, task: Any, seeds: range, plan: Plan, sizes: tuple[int, ...]):
        self.task, self.seeds, self.plan, self.sizes = task, seeds, plan, sizes
        self.pruned = cache(self._pruned)
        self.graded = cache(self._graded)

    def accuracy(self, kind: str, arm: str, size: int) -> list[float]:
        """On the test images; one for each seed, or one alone where nothing is random."""
        found = self._tuned(arm, size) if kind == TUNED else self._of_one_magnitude(arm, size)
        return rounded(found)

    def dense(self, width: int = WIDTH) -> Topology:
        """Two layers with ReLU, where pruning begins."""
        return dense_topology(self.task.num_inputs, width, self.task.num_outputs, RELU)

    def _pruned(self) -> tuple[np.ndarray, dict[int, tuple[np.ndarray, np.ndarray]]]:
        """Weights at the early step [S, C]; by size, masks and the weights that they were chosen by."""
        topology, rounds = self.dense(), halving(self.dense().num_connections, self.sizes)
        starts = fresh(topology, all_left(topology, len(self.seeds)), self.seeds)
        given = (self.task, topology, self.plan, starts, PRUNING_RATE, self.seeds, rounds)
        early, found = prune(*given, rewind=self.plan.steps // 15)
        return early, dict(zip(rounds, found, strict=True))

    def _graded(self, size: int) -> list[Topology]:
        return [graded_topology(self.task, size, 2 * self.plan.steps, seed) for seed in self.seeds]

    def _masks(self, arm: str, size: int) -> np.ndarray:
        """Of the dense topology, [S, C]."""
        if arm == RANDOM:
            return np.stack([erk(self.dense(), size, seed) for seed in self.seeds])
        return self.pruned()[1][size][0]

    def _tuned(self, arm: str, size: int) -> np.ndarray:
        def test(student: Student, seeds: Any) -> np.ndarray:
            weights = tuned(self.task, student, self.plan, seeds).weights
            return accuracies(self.task, student.topology, weights, "test")

        if arm == GRADED:
            pairs = zip(self.graded(size), self.seeds, strict=True)
            return np.concatenate([test(near_shared_weight(topology, [seed]), [seed]) for topology, seed in pairs])
        if arm in (EVOLVED, UNION):
            name = UNIONS[self.task.name].get(size) if arm == UNION else None
            topology = Topology.of(load_network(name)) if name else evolved_topology(self.task, size)
            return test(near_shared_weight(topology, self.seeds), self.seeds)
        masks = self._masks(arm, size)
        anew = [NEW_SEEDS + seed for seed in self.seeds]
        starts = self.pruned()[0] * masks if arm == REWOUND else fresh(self.dense(), masks, anew)
        return test(Student(self.dense(), masks, starts), self.seeds)

    def _of_one_magnitude(self, arm: str, size: int) -> np.ndarray:
        best: Callable[..., np.ndarray] = partial(best_magnitude, self.task)
        if arm == GRADED:
            return np.concatenate([best(topology, all_left(topology, 1)) for topology in self.graded(size)])
        if arm == EVOLVED:
            topology = evolved_topology(self.task, size)
            return best(topology, all_left(topology, 1))
        if arm in (POPUP, POPUP_WIDE):
            topology = self.dense(WIDE if arm == POPUP_WIDE else WIDTH)
            return best(topology, subnetworks(self.task, topology, self.plan, size, self.seeds))
        masks = self._masks(arm, size)
        return best(self.dense(), masks * np.sign(self.pruned()[1][size][1]) if arm == SIGNED else masks)


def best_magnitude(task: Any, topology: Topology, signs: np.ndarray) -> np.ndarray:
    """Test accuracies [K] of weights of these signs and one magnitude, the best for each by the validation images."""
    factors = np.array([sign * size for sign in (1.0, -1.0) for size in MAGNITUDES], np.float32)
    vectors = factors[:, None, None] * signs[None]
    flat = jnp.asarray(vectors.reshape(-1, signs.shape[1]), jnp.float32)
    scores = accuracies(task, topology, flat, "validation").reshape(len(factors), -1)
    chosen = vectors[scores.argmax(0), np.arange(len(signs))]
    return accuracies(task, topology, chosen, "test")
