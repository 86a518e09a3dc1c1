"""Training side by side, masks: what they are, against what is known."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.tuning.test_tuning import blobs
from wann_jax.analysis.baselines import dense_topology
from wann_jax.analysis.experiments.capacity import most_fitted, stored_bits
from wann_jax.analysis.experiments.masks import alive, by_layer, erk, largest, layer_of, magnitudes
from wann_jax.analysis.experiments.popup import least_of_largest
from wann_jax.analysis.experiments.students import halving
from wann_jax.analysis.experiments.training import Plan, accuracies, all_left, fresh, masked_fan_in, train
from wann_jax.genomes.activation_ids import RELU

SMALL = dense_topology(2, 4, 3, RELU)  # 12 connections, then 15


def test_runs_are_alone_and_masks_stay():
    task, plan = blobs(), Plan(60, 32, 0.0)
    masks = all_left(SMALL, 3)
    masks[1] = erk(SMALL, 15, 0)
    starts, rates, seeds = fresh(SMALL, masks, [0, 1, 2]), jnp.array([0.3, 0.1, 0.3]), jnp.array([0, 1, 2])
    given = (jnp.asarray(starts), jnp.asarray(masks), rates, seeds)
    together = np.asarray(train(task, SMALL, plan, *given, steps=60, horizon=60))
    alone = np.asarray(train(task, SMALL, plan, *(each[1:2] for each in given), steps=60, horizon=60))
    np.testing.assert_allclose(together[1], alone[0], rtol=1e-4, atol=1e-5)
    assert ((together != 0) == (masks > 0)).all()
    assert (accuracies(task, SMALL, together[[0, 2]], "test") > 0.95).all()
    still = np.asarray(train(task, SMALL, plan, *given, steps=0, horizon=60))
    np.testing.assert_array_equal(still, starts)


def test_fan_in_counts_what_is_left():
    mask = np.zeros(27, np.float32)
    mask[[0, 1, 3]] = 1.0  # two into the first hidden node, one into the second
    assert masked_fan_in(SMALL, jnp.asarray(mask))[:7].tolist() == [2, 2, 2, 1, 1, 1, 1]
    assert layer_of(SMALL).tolist() == [0] * 12 + [1] * 15


def test_what_leads_nowhere_is_not_alive():
    mask = np.zeros(27, np.float32)
    mask[[0, 3]] = 1.0  # the bias to two hidden nodes, of which the second alone leads on
    mask[[12 + 2, 12 + 3]] = 1.0  # the first output from the second hidden node, and from a third without inputs
    assert np.flatnonzero(alive(SMALL, mask)).tolist() == [3, 14]


def test_the_largest_are_as_many_as_are_alive():
    scores = np.random.default_rng(0).uniform(size=27)
    for count in (5, 12, 20, 27):
        found = largest(SMALL, scores, count)
        assert count - 2 <= found.sum() <= count
        assert (alive(SMALL, found) == found).all()
    assert largest(SMALL, scores, 27).all()


def test_random_masks_have_the_densities_of_their_kind():
    topology = dense_topology(30, 40, 10, RELU)
    masks = np.stack([erk(topology, 400, seed) for seed in range(5)])
    assert (masks.sum(1) >= 398).all()
    assert (masks.sum(1) <= 400).all()
    first = masks[:, layer_of(topology) == 0].sum(1).mean()
    assert first / 400 == pytest.approx((31 + 40) / (31 + 40 + 41 + 10), abs=0.05)
    assert (masks[0] != masks[1]).any()


def test_scores_by_layer_or_magnitude_know_no_scale():
    random = np.random.default_rng(0)
    weights = random.normal(size=(2, 27))
    larger = weights * np.where(layer_of(SMALL) == 0, 10.0, 1.0)
    np.testing.assert_allclose(magnitudes(SMALL, weights), magnitudes(SMALL, larger))
    np.testing.assert_array_equal(by_layer(SMALL, np.abs(weights[0])), by_layer(SMALL, np.abs(larger[0])))


def test_rounds_of_pruning_halve():
    assert halving(1000, [130, 260]) == [510, 260, 130]
    whole = [4810, *halving(4810, [519])]
    assert whole[-1] == 519
    assert all(later / before == pytest.approx(0.48, abs=0.02) for before, later in itertools.pairwise(whole))


def test_the_least_of_the_largest_is_that_of_sorting():
    scores = np.random.default_rng(0).normal(size=50).astype(np.float32)
    found = float(jax.jit(least_of_largest, static_argnums=1)(jnp.asarray(scores), 7))
    assert np.sort(scores)[-8] < found <= np.sort(scores)[-7]


def test_bits_and_labels_of_what_is_known_by_heart():
    assert stored_bits(1.0, 100) == pytest.approx(100 * np.log2(10))
    assert stored_bits(0.1, 100) == 0.0
    assert stored_bits(0.55, 1, 2) == pytest.approx(1 + 0.55 * np.log2(0.55) + 0.45 * np.log2(0.45))
    assert most_fitted([(10, 1.0), (40, 0.98)]) == pytest.approx(20.0)
    assert most_fitted([(10, 0.9), (40, 0.5)]) == 0.0
    assert most_fitted([(10, 1.0), (40, 0.99)]) == 40.0
