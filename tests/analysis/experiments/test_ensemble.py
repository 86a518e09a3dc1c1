"""The experiment about ensembles: what a vote is worth, by hand; a network that cannot disagree gains nothing."""

import jax
import numpy as np
import pytest

import wann_jax as wann
from wann_jax.analysis.experiments.ensemble import NOISE, PUBLISHED, _ensembles
from wann_jax.analysis.experiments.voting import figures, mcnemar


def _sure(classes):
    """Outputs of members who are all but certain of these classes."""
    return 30.0 * np.eye(3, dtype=np.float32)[np.asarray(classes)]


def test_a_vote_of_three_is_right_where_two_are():
    labels = np.array([0, 1, 2, 0])
    members = [[0, 1, 0, 1], [0, 0, 2, 1], [1, 1, 2, 1]]
    found = figures(_sure(members), _sure(members[0]), labels)
    assert found["vote"] == 0.75
    assert found["single"] == 0.5
    assert found["member"] == pytest.approx(0.5)
    assert (found["only_ensemble"], found["only_single"]) == (1, 0)
    assert found["disagreement"] == pytest.approx((2 + 2 + 2) / 12)
    assert found["error_of_members"] == pytest.approx(6 * 2 / 12, abs=1e-6)  # six wrong answers, each at distance 2


def test_the_error_of_the_mean_is_that_of_the_members_less_their_ambiguity():
    random = np.random.default_rng(0)
    outputs = random.normal(size=(5, 40, 3)).astype(np.float32)
    found = figures(outputs, outputs[0], random.integers(0, 3, 40))
    assert found["error_of_mean"] == pytest.approx(found["error_of_members"] - found["ambiguity"], abs=1e-6)
    assert found["ambiguity"] > 0.1


def test_mcnemar_is_the_sign_test_of_what_only_one_has_right():
    assert mcnemar({"only_ensemble": 5, "only_single": 0}) == pytest.approx(2 / 32)
    assert mcnemar({"only_ensemble": 3, "only_single": 3}) == 1.0
    assert mcnemar({"only_ensemble": 0, "only_single": 0}) == 1.0


def test_an_exactly_weight_agnostic_network_gains_nothing_from_weights_but_differs_under_noise():
    network = jax.jit(wann.express)(wann.load_genome("digits-exact"))
    found = _ensembles(wann.make_task("digits"), network, 1.0)
    row = found[PUBLISHED]
    assert row["disagreement"] == 0.0
    assert row["vote"] == row["member"] == row["single"] == row["averaged"]
    assert found[NOISE]["0.5"]["disagreement"] > 0.05
    assert float(found["matched"]) == 0.01  # the least noise
