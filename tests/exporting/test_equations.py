"""Names in files of code."""

import dataclasses

import numpy as np

from tests.exporting.examples import MADE, model
from wann_jax.exporting.equations import equations, names
from wann_jax.exporting.model import model_of
from wann_jax.tasks.labels import Labels


def renamed(*labels):
    return dataclasses.replace(model(MADE, True), labels=Labels(labels, ("y 1", "y 1")))


def test_words_of_a_task_become_identifiers():
    assert names(model_of("swingup52"))[:6] == ["bias", "x", "x_dot", "cos_theta", "sin_theta", "theta_dot"]
    assert names(renamed("cos θ₂", "θ̇₁", "torque -1"))[1:4] == ["cos_theta2", "theta_dot1", "torque_1"]
    digits = model_of("digits")
    called = names(digits)
    assert (called[1], called[64]) == ("pixel_0_0", "pixel_7_7")
    assert [called[number] for number in digits.topology.outputs][:2] == ["out_0", "out_1"]


def test_no_two_are_the_same_and_none_means_something_else():
    called = names(renamed("x", "x", "np"))
    assert called[1:4] == ["x", "x_2", "np_3"]
    assert len({*called}) == len(called)
    called = names(renamed("while", "h1", "(["))
    assert called[1:4] == ["while_1", "h1", "in_3"]
    assert len({*called}) == len(called)


def test_sums_are_written_with_signs():
    topology = model(MADE, True).topology
    weights = np.full(topology.num_connections, -0.5, np.float32)
    weights[::2] = 1e-7
    made = dataclasses.replace(model(MADE, True), weights=weights)
    totals = [each.total for each in equations(made, names(made), repr)]
    assert "0.0 * bias" in totals
    assert any(" - 0.5 * " in total for total in totals)
    assert any(total.startswith("-0.5 * ") for total in totals)
    assert any("1e-07 * " in total for total in totals)
    assert not any("+ -" in total or "- -" in total for total in totals)
