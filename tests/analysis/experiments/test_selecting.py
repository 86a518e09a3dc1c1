"""The rules in a search: the parity task is parity, an answer says what differs."""

import jax
import jax.numpy as jnp
import numpy as np

import wann_jax as wann
from wann_jax.analysis.experiments.selecting import (
    MEAN,
    PARITIES,
    RULES,
    RightAnswers,
    answer_of,
    draw_searched,
    parity_task,
)
from wann_jax.evolution.objectives import OBJECTIVES
from wann_jax.genomes.activation_ids import LINEAR
from wann_jax.genomes.building import build_genome
from wann_jax.report.plots import empty_figure


def test_labels_are_parities_of_all_strings_and_single_bits_say_nothing():
    for bits in PARITIES.values():
        task = parity_task(bits)
        inputs, labels = np.asarray(task.inputs["test"]), np.asarray(task.labels["test"])
        assert len({tuple(row) for row in inputs.tolist()}) == 2**bits
        assert labels.tolist() == [int(sum(row)) % 2 for row in inputs.tolist()]
        assert np.abs((inputs - 0.5).T @ (labels - 0.5)).max() == 0.0


def test_returns_are_shares_of_right_answers():
    task = RightAnswers.of(parity_task(2))
    genome = build_genome("two", (2, 2), [LINEAR] * 2, [], [(1, 3), (2, 4)], [])
    networks = wann.stack_networks([jax.jit(wann.express)(genome)])
    found = task.evaluate(networks, jnp.asarray([1.0, -1.0]), jax.random.key(0), 1)
    # Outputs are the bits, times the weight: only the first bit alone (or, if it is negative, the second) is wrong.
    assert np.asarray(found.returns).tolist() == [[0.75, 0.75]]
    assert found.cases is None


def test_rules_are_objectives_of_a_search():
    assert {*RULES.values()} <= {*OBJECTIVES}


def test_an_answer_names_what_surely_differs():
    random = np.random.default_rng(0).normal(size=5) / 100
    means = {MEAN: 0.5, "resource sharing": 0.5, "rarity": 0.9}
    rows = {
        rule: [{"mean": mean, "best": mean + float(each) * (1 + (rule == MEAN))} for each in random]
        for rule, mean in means.items()
    }
    answer = answer_of({"a": rows})
    assert "rarity (+0.4" in answer
    assert "resource sharing (" not in answer.split("surely")[1]
    _, (axis,) = empty_figure(1)
    draw_searched(axis, {"a": rows, "b": rows})
    assert len(axis.get_legend_handles_labels()[1]) == len(RULES)
