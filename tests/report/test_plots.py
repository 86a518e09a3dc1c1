"""Lines in figures hold what was measured."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.evolution.metrics import GenerationMetrics
from wann_jax.report.plots import plot_search, plot_sweep, plot_tuning


def lines_of(axes):
    """[2, points] by label."""
    return {line.get_label(): np.array(line.get_data()) for line in axes.lines}


def test_learning_curves_are_the_history():
    names = [field.name for field in dataclasses.fields(GenerationMetrics)]
    columns = {name: np.arange(5, dtype=np.float32) + 10 * index for index, name in enumerate(names)}
    for name in ("generation", "best_connections", "best_hidden", "num_fronts", "num_overflows", "num_non_finite"):
        columns[name] = np.arange(5) * names.index(name)
    columns["generation"] = np.arange(3, 8)
    columns["champion_score"][:2] = -np.inf
    scores, sizes = plot_search(GenerationMetrics(**{name: jnp.asarray(each) for name, each in columns.items()})).axes
    found = lines_of(scores) | lines_of(sizes)
    expected = {
        "best": columns["return_max"],
        "median": columns["return_median"],
        "champion, held out": [np.nan, np.nan, *columns["champion_score"][2:]],
        "connections of the best": columns["best_connections"],
    }
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], [columns["generation"], values])
    assert "connections of the best" in lines_of(sizes)


@pytest.mark.parametrize("tuned", [None, 7.5])
def test_a_sweep_shows_curve_band_six_weights_and_tuned_level(tuned):
    weights = np.linspace(-2.5, 2.5, 101).round(3)
    middle = weights**2
    sweep = {"name": "return", "weights": weights.tolist(), "middle": middle.tolist(), "tuned": tuned}
    sweep |= {"low": (middle - 1).tolist(), "high": (middle + 2).tolist()}
    (axes,) = plot_sweep(sweep).axes
    found = lines_of(axes)
    np.testing.assert_array_equal(found["median"], [weights, middle])
    marked = sorted(PUBLISHED_WEIGHTS)
    np.testing.assert_allclose(found["the six weights of searches"], [marked, np.square(marked)])
    assert ("tuned weights" in found) == (tuned is not None)
    if tuned is not None:
        assert found["tuned weights"][1].tolist() == [tuned, tuned]
    corners = axes.collections[0].get_paths()[0].vertices
    at_two = corners[np.isclose(corners[:, 0], 2.0)][:, 1]
    assert sorted(set(at_two)) == pytest.approx([3.0, 6.0])


def test_accuracy_has_no_band():
    sweep = {"name": "accuracy", "weights": [-1.0, 0.0, 1.0], "middle": [0.5, 0.1, 0.6], "tuned": None}
    (axes,) = plot_sweep(sweep | {"low": None, "high": None}).axes
    assert len(axes.collections) == 0
    np.testing.assert_allclose(lines_of(axes)["accuracy"], [[-1, 0, 1], [0.5, 0.1, 0.6]])
    np.testing.assert_allclose(lines_of(axes)["the six weights of searches"], [[-1, 1], [0.5, 0.6]])


def test_a_tuning_shows_its_looks():
    curve = [{"step": 0, "score": 1.0, "best": 1.0}, {"step": 5, "score": 0.5, "best": 1.0}]
    (axes,) = plot_tuning(curve).axes
    assert lines_of(axes)["at this step"].tolist() == [[0, 5], [1.0, 0.5]]
    assert lines_of(axes)["best so far"].tolist() == [[0, 5], [1.0, 1.0]]
