"""NSGA-II ranking for any number of objectives, all to be maximised.

In: objectives [P, M]. Out: the front of each individual, and the order from best to worst: by front, then by crowding
distance, then by index. No matrix of all pairs is ever in memory, and what is done one after another is blocks, not
fronts.
Source: Deb et al. 2002; the original WANN code ranks two the same way, but for its crowding formula (ARCHITECTURE.md).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Int

from wann_jax.devices import over_population

BLOCK = 64  # individuals (B) that are compared with each other at once
BLOCKS_PER_ROUND = 4  # of the loop over blocks
TABLE = 1024  # fronts that an individual is compared with at once


class Ranking(NamedTuple):
    """A generation, ranked."""

    order: Int[Array, "P"]  # individuals from best to worst
    front: Int[Array, "P"]  # of each individual


def rank(objectives: Float[Array, "P M"]) -> Ranking:
    """Ranks by front, then by crowding distance, then by index."""
    front = fronts(objectives)
    return Ranking(jnp.lexsort((-crowding_distances(objectives, front), front)), front)


def rank_islands(objectives: Float[Array, "P M"], islands: int) -> tuple[Int[Array, "K S"], Int[Array, "P"]]:
    """Ranks each of K islands alone: their individuals, by places in the population, from best to worst; and the front
    of each individual on its island."""
    size, number = objectives.shape
    of_islands = jax.vmap(rank)
    if islands > 1:  # each device ranks some
        of_islands = over_population(of_islands)
    order, front = of_islands(objectives.reshape(islands, -1, number))
    return order + jnp.arange(0, size, size // islands)[:, None], front.ravel()


def fronts(objectives: Float[Array, "P M"]) -> Int[Array, "P"]:
    """Front of each individual: 0 for those that nobody dominates, 1 for those that only front 0 dominates, ...

    One dominates another if it is at least as good in every objective and better in one. What is not a number counts
    as the smallest one.

    A front is the number of steps in the longest chain of individuals in which each dominates the next. Sorted by
    objectives, whoever dominates an individual is before it; so block follows block: chains that end in one are
    those that come from earlier blocks, prolonged by chains inside, which are known for all blocks beforehand.
    """
    size, number = objectives.shape
    lowest = jnp.finfo(objectives.dtype).min
    objectives = jnp.where(objectives >= lowest, objectives, lowest)
    order = jnp.lexsort(tuple(-objectives[:, index] for index in reversed(range(number))))
    fronts_of_sorted = _fronts_of_two if number == 2 else _fronts_of_any
    return jnp.zeros(size, jnp.int32).at[order].set(fronts_of_sorted(objectives[order]), unique_indices=True)


def _fronts_of_any(points: Float[Array, "P M"]) -> Int[Array, "P"]:
    """Of sorted individuals: each block is compared with all that were before it."""
    blocks = _blocks_of(points)
    everyone = blocks.reshape(-1, points.shape[1])

    def advance(front, block):
        start, mine, chains = block
        before = jnp.where(_dominated(mine, everyone), front[None] + 1, 0.0).max(-1)
        return lax.dynamic_update_slice(front, _prolonged(before, chains), (start,)), None

    starts = jnp.arange(0, everyone.shape[0], BLOCK)
    nobody = jnp.full(everyone.shape[0], -1.0)  # so that those whose front is not known yet prolong nothing
    return lax.scan(advance, nobody, (starts, blocks, _chains(blocks)))[0][: points.shape[0]].astype(jnp.int32)


def _fronts_of_two(points: Float[Array, "P 2"]) -> Int[Array, "P"]:
    """Of sorted individuals: whoever was before is no worse in the first objective, so that the best second one of a
    front tells whether it has somebody who dominates; and these bests fall from front to front.

    Equal individuals do not dominate each other: all but the first stay out, and get its front.
    """
    size = points.shape[0]
    is_first = jnp.pad((points[1:] != points[:-1]).any(1), (1, 0), constant_values=True)
    blocks = _blocks_of(jnp.where(is_first[:, None], points, -jnp.inf))

    def advance(least, block):
        points, chains = block
        cost = -points[:, 1]
        front = _prolonged(_num_at_most(least, cost), chains)
        return least.at[front.astype(jnp.int32)].min(cost, mode="drop"), front

    no_fronts = jnp.full(size + -size % TABLE, jnp.inf)
    _, front = lax.scan(advance, no_fronts, (blocks, _chains(blocks)), unroll=BLOCKS_PER_ROUND)
    group = lax.cummax(jnp.where(is_first, jnp.arange(size), 0))
    return front.ravel()[group].astype(jnp.int32)


def _num_at_most(least: Float[Array, "n"], cost: Float[Array, "B"]) -> Float[Array, "B"]:
    """How many of sorted numbers are at most each cost: first which table, then where in it."""
    tables = least.reshape(-1, TABLE)
    table = jnp.maximum((tables[None, :, 0] <= cost[:, None]).sum(1, dtype=jnp.int32) - 1, 0)
    inside = (tables[table] <= cost[:, None]).sum(1, dtype=jnp.int32)
    return (table * TABLE + inside).astype(jnp.float32)


def _blocks_of(points: Float[Array, "P M"]) -> Float[Array, "blocks B M"]:
    """Cut into blocks; the last is filled with what dominates nobody."""
    size, number = points.shape
    return jnp.pad(points, ((0, -size % BLOCK), (0, 0)), constant_values=-jnp.inf).reshape(-1, BLOCK, number)


def _dominated(mine: Float[Array, "*n B M"], other: Float[Array, "*n C M"]) -> Bool[Array, "*n B C"]:
    """Whether each of mine is dominated by each of the others."""
    mine, other = mine[..., :, None, :], other[..., None, :, :]
    return (other >= mine).all(-1) & (other > mine).any(-1)


def _chains(blocks: Float[Array, "blocks B M"]) -> Float[Array, "blocks B B"]:
    """Steps in the longest chain to each individual of a block from each other one; 0 to itself, -inf: none.

    Each round joins chains end to end, and so doubles the length of the longest that are known. A loop, because XLA
    for CPUs would fuse the rounds, and do each again for every element of the next.
    """
    single = jnp.where(_dominated(blocks, blocks), 1.0, jnp.where(jnp.eye(BLOCK, dtype=bool)[None], 0.0, -jnp.inf))
    rounds = (BLOCK - 1).bit_length()
    return lax.fori_loop(0, rounds, lambda _, chains: (chains[:, :, :, None] + chains[:, None, :, :]).max(2), single)


def _prolonged(before: Float[Array, "B"], chains: Float[Array, "B B"]) -> Float[Array, "B"]:
    """Fronts in a block, from those that earlier blocks alone would make; whole numbers, exact below 2**24."""
    return (before[None, :] + chains).max(-1)


def crowding_distances(objectives: Float[Array, "P M"], front: Int[Array, "P"]) -> Float[Array, "P"]:
    """NSGA-II crowding distance within each front: per objective, the gap between an individual's two neighbours
    over the front's range, summed; infinite at a front's ends. Ties keep index order; a range of 0 counts nothing.
    """
    distances = jax.vmap(_crowding_distances, (1, None))(objectives, front)
    return sum(distances[1:], start=distances[0])


def _crowding_distances(values: Float[Array, "P"], front: Int[Array, "P"]) -> Float[Array, "P"]:
    """By one objective."""
    order = jnp.lexsort((values, front))
    ordered, ordered_front = values[order], front[order]
    begins = jnp.pad(ordered_front[1:] != ordered_front[:-1], (1, 0), constant_values=True)
    ends = jnp.pad(ordered_front[1:] != ordered_front[:-1], (0, 1), constant_values=True)
    gap = jnp.roll(ordered, -1) - jnp.roll(ordered, 1)
    span = _spread_from_ends(ordered, begins, ends)
    distance = jnp.where(span > 0, gap / jnp.where(span > 0, span, 1.0), 0.0)
    return jnp.zeros_like(values).at[order].set(jnp.where(begins | ends, jnp.inf, distance), unique_indices=True)


def _spread_from_ends(ordered: Array, begins: Array, ends: Array) -> Array:
    """Per element, its front's largest minus smallest value, given the sorted values and the fronts' ends."""
    index = jnp.arange(ordered.shape[0])
    start = lax.cummax(jnp.where(begins, index, 0))
    stop = lax.cummin(jnp.where(ends, index, ordered.shape[0] - 1), reverse=True)
    return ordered[stop] - ordered[start]
