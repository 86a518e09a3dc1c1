"""Searches that are compared: what differs, at what work, and what is measured of their champions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from wann_jax.analysis.experiments import activations, champions, tunability
from wann_jax.analysis.experiments.base import Record, Setting


def test_accuracies_are_those_of_the_test_images():
    task, network = wann.make_task("digits"), wann.load_network("digits-exact")
    found = champions.accuracies(task, network, 2)
    assert found["random"] == pytest.approx(found["best"], abs=0.004)  # under any weight, ties apart
    assert found["best"] == pytest.approx(0.9686, abs=0.004)


def test_searches_of_tunability_make_as_many_passes():
    task = wann.make_task("digits", batch_size=2048)
    networks = wann.stack_networks([wann.load_network("digits")])
    passes = float(task.tuned_returns(networks, jnp.ones(1), jax.random.key(0))[1][0])
    config = wann.SearchConfig.preset("digits", "best")
    each = len(config.shared_weights) * task.labels["train"].shape[0]
    for is_tuned, cost in ((False, each), (True, each + passes)):
        made = tunability.generations_for("digits", is_tuned) * config.population_size * cost
        assert made == pytest.approx(tunability.PASSES, rel=1e-2)


def test_sets_of_activations_leave_out_what_they_say():
    assert len(activations.SETS) == 15
    assert "tanh" not in activations.SETS["without tanh"]
    assert len(activations.SETS["without tanh"]) == 9
    assert len(activations.SETS[activations.ALL]) == 10


def test_jobs_side_by_side_are_kept_under_their_names(tmp_path):
    record = Record(tmp_path / "a.json", Setting("digits", 1, False))
    jobs = {str(value): _Square(value) for value in (2, 3)}
    assert record.measured("2", lambda: 5) == 5
    assert record.measured_all({**jobs, "4": _Square(4)}) == {"2": 5, "3": 9, "4": 16}
    assert Record(tmp_path / "a.json", Setting("digits", 1, False)).measured_all(jobs) == {"2": 5, "3": 9}


class _Square:
    def __init__(self, value):
        self.value = value

    def __call__(self):
        return int(np.square(self.value))
