"""Fronts, crowding distances and the order against their definitions, with many ties."""

import chex
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from tests.oracle import ranking as oracle
from wann_jax.evolution.ranking import BLOCK, TABLE, crowding_distances, fronts, rank

jitted_fronts, jitted_crowding, jitted_order = jax.jit(fronts), jax.jit(crowding_distances), jax.jit(rank)
examples = settings(deadline=None, max_examples=150)


def points_from(*values, size=9):
    return hnp.arrays(np.float32, (size, 2), elements=st.sampled_from(values))


# Differences and ranges are powers of two, so that ties in crowding are ties in every precision.
tied_points = points_from(0.0, 1.0, 2.0)


@examples
@given(points_from(0.0, 1.0, 2.0, -1e9, 0.3))
def test_fronts_match_definition(points):
    assert jitted_fronts(jnp.asarray(points)).tolist() == oracle.fronts(points.tolist())


@examples
@given(points_from(0.0, 1.0, 2.0, 5.0, 0.3))
def test_crowding_distances_match_definition(points):
    front = oracle.fronts(points.tolist())
    distances = jitted_crowding(jnp.asarray(points), jnp.asarray(front))
    np.testing.assert_allclose(distances, oracle.crowding_distances(points.tolist(), front), rtol=1e-6)


@examples
@given(tied_points)
def test_order_matches_definition(points):
    assert jitted_order(jnp.asarray(points)).order.tolist() == oracle.rank_order(points.tolist())


@examples
@given(st.data(), st.sampled_from([1, 3, 4]))
def test_any_number_of_objectives_is_ranked_by_the_definition(data, number):
    points = data.draw(hnp.arrays(np.float32, (9, number), elements=st.sampled_from([0.0, 1.0, 2.0])))
    ranking = jitted_order(jnp.asarray(points))
    assert ranking.front.tolist() == oracle.fronts(points.tolist())
    assert ranking.order.tolist() == oracle.rank_order(points.tolist())


@pytest.mark.parametrize("size", [1, 2, 60])
def test_other_sizes_match_definition(size):
    points = np.random.default_rng(size).integers(0, 8, (size, 2)).astype(np.float32)
    front = oracle.fronts(points.tolist())
    assert jitted_fronts(jnp.asarray(points)).tolist() == front
    np.testing.assert_allclose(
        jitted_crowding(jnp.asarray(points), jnp.asarray(front)),
        oracle.crowding_distances(points.tolist(), front),
        rtol=1e-6,
    )


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("size", [BLOCK, 5 * BLOCK + 3])
def test_many_blocks_with_many_ties_match_definition(size, number):
    for levels in (2, 6, 40):
        points = np.random.default_rng(levels).integers(0, levels, (size, number)).astype(np.float32)
        assert jitted_fronts(jnp.asarray(points)).tolist() == oracle.fronts(points.tolist())


def test_more_fronts_than_one_table_holds():
    chain = np.random.default_rng(0).permutation(2 * TABLE + 5)
    points = jnp.stack([jnp.asarray(chain, jnp.float32)] * 2, axis=1)
    assert jitted_fronts(points).tolist() == (2 * TABLE + 4 - chain).tolist()


def test_what_is_no_number_is_worst():
    points = jnp.asarray([[1, jnp.nan], [1, 2], [-jnp.inf, 5], [jnp.inf, -jnp.inf], [1, -jnp.inf]], jnp.float32)
    for columns in ([0, 1], [0, 1, 1]):
        assert jitted_fronts(points[:, columns]).tolist() == [1, 0, 0, 0, 1]


@pytest.mark.parametrize("number", [2, 3])
def test_memory_grows_with_the_population_not_with_its_square(number):
    size = 16_384
    compiled = jitted_order.lower(jax.ShapeDtypeStruct((size, number), jnp.float32)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < size * size // 8


def test_a_chain_is_one_front_per_individual():
    points = jnp.stack([jnp.arange(9.0), jnp.arange(9.0)], axis=1)
    assert jitted_fronts(points).tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert jitted_order(points).order.tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_a_trade_off_is_one_front_ordered_by_crowding():
    points = jnp.asarray([[0, 16], [1, 15], [2, 14], [3, 13], [7, 9], [8, 8], [9, 7], [10, 6], [16, 0]], jnp.float32)
    assert jitted_fronts(points).tolist() == [0] * 9
    # From the one neighbour to the other, over the range of 16, in both objectives.
    expected = [np.inf, 4 / 16, 4 / 16, 10 / 16, 10 / 16, 4 / 16, 4 / 16, 14 / 16, np.inf]
    assert jitted_crowding(points, jnp.zeros(9, jnp.int32)).tolist() == expected
    assert jitted_order(points).order.tolist() == [0, 8, 7, 3, 4, 1, 2, 5, 6]


def test_equal_individuals_keep_their_order():
    points = jnp.full((9, 2), 3.0)
    assert jitted_fronts(points).tolist() == [0] * 9
    # Ends of the sorted front are infinite, also where all are equal: ties go by index.
    assert jitted_crowding(points, jnp.zeros(9, jnp.int32)).tolist() == [np.inf] + [0.0] * 7 + [np.inf]
    assert jitted_order(points).order.tolist() == [0, 8, 1, 2, 3, 4, 5, 6, 7]


class TestHoweverItRuns(chex.TestCase):
    """Compiled, step by step, and on arrays that lie on a device, the order is the same."""

    @chex.variants(with_jit=True, without_jit=True, with_device=True)
    def test_the_order_is_that_of_the_definition(self):
        points = np.random.default_rng(5).integers(0, 4, (30, 2)).astype(np.float32)
        ranking = self.variant(rank)(jnp.asarray(points))
        assert ranking.order.tolist() == oracle.rank_order(points.tolist())
        assert ranking.front.tolist() == oracle.fronts(points.tolist())
