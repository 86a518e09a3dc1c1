"""NSGA-II ranking for any number of objectives, all to be maximised.

In: objectives [P, M]. Out: the front of each individual, and the order from best to worst: by front, then by crowding
distance, then by index.
Source: Deb et al. 2002; the original WANN code ranks two the same way, but for its crowding formula (ARCHITECTURE.md).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Int


class Ranking(NamedTuple):
    """A generation, ranked."""

    order: Int[Array, "P"]  # individuals from best to worst
    front: Int[Array, "P"]  # of each individual


def rank(objectives: Float[Array, "P M"]) -> Ranking:
    """Ranks by front, then by crowding distance, then by index."""
    front = fronts(objectives)
    return Ranking(jnp.lexsort((-crowding_distances(objectives, front), front)), front)


def fronts(objectives: Float[Array, "P M"]) -> Int[Array, "P"]:
    """Front of each individual: 0 for those that nobody dominates, 1 for those that only front 0 dominates, ...

    One dominates another if it is at least as good in every objective and better in one.
    """
    return _fronts_of_two(objectives) if objectives.shape[1] == 2 else _fronts_of_any(objectives)


def _fronts_of_any(objectives: Float[Array, "P M"]) -> Int[Array, "P"]:
    """By comparing all pairs."""
    mine, other = objectives[:, None], objectives[None]
    is_dominated_by = (other >= mine).all(-1) & (other > mine).any(-1)

    def non_dominated(left):
        return left & ~(is_dominated_by & left[None]).any(1)

    return _peel(non_dominated, objectives.shape[0])


def _fronts_of_two(objectives: Float[Array, "P 2"]) -> Int[Array, "P"]:
    """Sorted by the first objective, an individual is dominated by those left if an earlier, different one is at least
    as good in the second; so one front costs one running maximum."""
    size = objectives.shape[0]
    order = jnp.lexsort((-objectives[:, 1], -objectives[:, 0]))
    first, second = objectives[order, 0], objectives[order, 1]
    differs = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    group_start = lax.cummax(jnp.where(jnp.pad(differs, (1, 0), constant_values=True), jnp.arange(size), 0))

    def non_dominated(left):
        best_left = lax.cummax(jnp.where(left, second, -jnp.inf))
        best_before = jnp.pad(best_left[:-1], (1, 0), constant_values=-jnp.inf)[group_start]
        return left & (best_before < second)

    return jnp.zeros(size, jnp.int32).at[order].set(_peel(non_dominated, size))


def _peel(non_dominated: Callable[[Bool[Array, "P"]], Bool[Array, "P"]], size: int) -> Int[Array, "P"]:
    """Fronts, given who of those left nobody left dominates."""

    def peel(carry):
        level, front = carry
        return level + 1, jnp.where(non_dominated(front < 0), level, front)

    def some_left(carry):
        level, front = carry
        return (level < size) & (front < 0).any()

    return lax.while_loop(some_left, peel, (0, jnp.full(size, -1)))[1]


def crowding_distances(objectives: Float[Array, "P M"], front: Int[Array, "P"]) -> Float[Array, "P"]:
    """NSGA-II crowding distance within each front: per objective, the gap between an individual's two neighbours
    over the front's range, summed; infinite at a front's ends. Ties keep index order; a range of 0 counts nothing.
    """
    total = jnp.zeros(objectives.shape[0])
    for values in objectives.T:
        order = jnp.lexsort((values, front))
        ordered, ordered_front = values[order], front[order]
        begins = jnp.pad(ordered_front[1:] != ordered_front[:-1], (1, 0), constant_values=True)
        ends = jnp.pad(ordered_front[1:] != ordered_front[:-1], (0, 1), constant_values=True)
        gap = jnp.roll(ordered, -1) - jnp.roll(ordered, 1)
        span = _spread_from_ends(ordered, begins, ends)
        distance = jnp.where(span > 0, gap / jnp.where(span > 0, span, 1.0), 0.0)
        total = total.at[order].add(jnp.where(begins | ends, jnp.inf, distance))
    return total


def _spread_from_ends(ordered: Array, begins: Array, ends: Array) -> Array:
    """Per element, its front's largest minus smallest value, given the sorted values and the fronts' ends."""
    index = jnp.arange(ordered.shape[0])
    start = lax.cummax(jnp.where(begins, index, 0))
    stop = lax.cummin(jnp.where(ends, index, ordered.shape[0] - 1), reverse=True)
    return ordered[stop] - ordered[start]
