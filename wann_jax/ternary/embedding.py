"""Whole weights as a graded network: every weight of -1 or 1 is a path of two connections, one of k so many paths.

source -> relay (linear for 1, inverse for -1; one for each source and sign in use, k where there is a weight of k)
-> hidden node or output. So hidden nodes have even depths, and the outputs are w^(2k) f(x) at every shared weight w
(genomes/grading.py).

In: matrices of whole numbers. Out: a genome without dead nodes, and how many connections it has.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from wann_jax.genomes.activation_ids import ACTIVATION_IDS, INVERSE, LINEAR
from wann_jax.genomes.building import build_genome
from wann_jax.genomes.genome import Genome


def alive(weights: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The same without weights of hidden nodes that nothing reaches, or that reach nothing."""
    matrices = [matrix.copy() for matrix in weights]
    while True:
        before = sum(np.count_nonzero(matrix) for matrix in matrices)
        for first, second in itertools.pairwise(matrices):
            lives = first.any(0) & second.any(1)
            first[:, ~lives] = 0
            second[~lives] = 0
        if sum(np.count_nonzero(matrix) for matrix in matrices) == before:
            return matrices


def num_connections(weights: Sequence[np.ndarray]) -> int:
    """Weights and relays."""
    return int(sum(connections_of(matrix) for matrix in weights))


def connections_of(matrix: Any) -> Any:
    """Of one matrix, NumPy's or JAX's: paths, and relays, which serve all targets of a source and sign."""
    relays = matrix.clip(min=0).max(1).sum() + (-matrix).clip(min=0).max(1).sum()
    return relays + abs(matrix).sum()


def embedded(weights: Sequence[np.ndarray], activation: str) -> Genome:
    """The genome of whole matrices, the first with the bias as its last row, the last to the outputs."""
    matrices = alive(weights)
    num_inputs, num_outputs = matrices[0].shape[0] - 1, matrices[-1].shape[1]
    kinds: list[int] = []  # of hidden nodes, in order
    pairs: list[tuple[int, int]] = []
    first_hidden = 1 + num_inputs + num_outputs

    def born(kind: int) -> int:
        kinds.append(kind)
        return first_hidden + len(kinds) - 1

    sources = [*range(1, 1 + num_inputs), 0]  # by row; a node of each
    for layer, matrix in enumerate(matrices):
        is_last = layer == len(matrices) - 1
        lives = (matrix != 0).any(axis=0)
        targets = [
            1 + num_inputs + column if is_last else born(ACTIVATION_IDS[activation]) if lives[column] else -1
            for column in range(matrix.shape[1])
        ]
        sizes = np.stack([matrix, -matrix], axis=1).clip(min=0).astype(int)  # [row, sign, column]
        for row, sign in np.argwhere(sizes.any(-1)).tolist():
            for copy in range(sizes[row, sign].max()):
                relay = born(INVERSE if sign else LINEAR)
                pairs.append((sources[row], relay))
                pairs += [(relay, targets[column]) for column in np.flatnonzero(sizes[row, sign] > copy).tolist()]
        sources = targets
    marks = list(range(first_hidden, first_hidden + len(kinds)))
    return build_genome("ternary", (num_inputs, num_outputs), [LINEAR] * num_outputs + kinds, marks, pairs, [])
