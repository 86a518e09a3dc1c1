"""NSGA-II ranking for two objectives, both to be maximised.

In: objectives [P, 2]. Out: the order from best to worst: by front, then by crowding distance, then by index.
Source: Deb et al. 2002; the original WANN code ranks the same way, but for its crowding formula (README).
"""

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int


def fronts(objectives: Float[Array, "P 2"]) -> Int[Array, "P"]:
    """Front of each individual: 0 for those that nobody dominates, 1 for those that only front 0 dominates, ...

    One dominates another if it is at least as good in both objectives and better in one. Sorted by the first
    objective, an individual is dominated by those left if an earlier, different one is at least as good in the
    second; so one front costs one running maximum.
    """
    size = objectives.shape[0]
    order = jnp.lexsort((-objectives[:, 1], -objectives[:, 0]))
    first, second = objectives[order, 0], objectives[order, 1]
    differs = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    group_start = lax.cummax(jnp.where(jnp.pad(differs, (1, 0), constant_values=True), jnp.arange(size), 0))

    def peel(carry):
        level, front = carry
        best_left = lax.cummax(jnp.where(front < 0, second, -jnp.inf))
        best_before = jnp.pad(best_left[:-1], (1, 0), constant_values=-jnp.inf)[group_start]
        non_dominated = (front < 0) & (best_before < second)
        return level + 1, jnp.where(non_dominated, level, front)

    def some_left(carry):
        level, front = carry
        return (level < size) & (front < 0).any()

    _, front = lax.while_loop(some_left, peel, (0, jnp.full(size, -1)))
    return jnp.zeros(size, jnp.int32).at[order].set(front)


def crowding_distances(objectives: Float[Array, "P 2"], front: Int[Array, "P"]) -> Float[Array, "P"]:
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


def rank_order(objectives: Float[Array, "P 2"]) -> Int[Array, "P"]:
    """Indices of individuals from best to worst."""
    front = fronts(objectives)
    return jnp.lexsort((-crowding_distances(objectives, front), front))
