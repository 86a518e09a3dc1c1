"""Python files of NumPy: they compute what the definition says, and read well."""

import subprocess
import sys

import numpy as np
import pytest

from tests.exporting.examples import BY_WEIGHT, MADE, NAMES, assert_computes, each_weight, example, model
from wann_jax.exporting import numpy_code
from wann_jax.exporting.model import model_of


def function(text):
    names = {}
    exec(compile(text, "exported", "exec"), names)
    return names["network"]


@each_weight
def test_it_computes_what_the_definition_says(name, weight):
    network = function(numpy_code.render(model(name, weight is not None)))
    inputs = example(name).inputs
    outputs = network(inputs) if weight is None else network(inputs, weight)
    assert_computes(name, weight, outputs)
    one = network(inputs[3]) if weight is None else network(inputs[3], weight=weight)
    np.testing.assert_allclose(one, outputs[3], rtol=1e-9, atol=1e-12)


def test_both_forms_compute_the_same(monkeypatch):
    for name, weight in [case for case in BY_WEIGHT if case[0] == MADE]:
        arguments = (example(name).inputs.reshape(4, 10, 3), *([] if weight is None else [weight]))
        by_lines = function(numpy_code.render(model(name, weight is not None)))(*arguments)
        with monkeypatch.context() as patch:
            patch.setattr(numpy_code, "MOST_LINES", 0)
            text = numpy_code.render(model(name, weight is not None))
        assert "NODES" in text
        np.testing.assert_allclose(function(text)(*arguments), by_lines, rtol=1e-9, atol=1e-12)


def test_a_small_network_is_one_line_for_each_node_in_the_words_of_its_task():
    lines = numpy_code.render(model_of("swingup52", shared=True)).splitlines()
    assert lines[0] == "# swingup52: a network of wann_jax, 31 hidden nodes, 52 connections which share one weight."
    assert lines[1:4] == ["# inputs: x, ẋ, cos θ, sin θ, θ̇", "# outputs: force", "import numpy as np"]
    assert "    theta_dot = inputs[..., 4]" in lines
    assert "    h13 = sin_pi(weight * (cos_theta + h4))" in lines
    assert lines[-1] == "    return np.stack([force], axis=-1)"
    assert sum(line.startswith("    h") for line in lines) == 31


@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_longer_than_a_screen(name):
    assert max(map(len, numpy_code.render(model(name, name != MADE)).splitlines())) <= 110


def test_it_needs_numpy_only(tmp_path):
    (tmp_path / "made.py").write_text(numpy_code.render(model(MADE, shared=False)))
    program = "import sys, made, numpy; made.network(numpy.ones((2, 3))); print({'jax', 'wann_jax'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
