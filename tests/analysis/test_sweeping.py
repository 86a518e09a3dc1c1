"""The score against the shared weight."""

import numpy as np
import pytest

import wann_jax as wann
from wann_jax.analysis.sweeping import SEED, sweep
from wann_jax.errors import ConfigError


@pytest.fixture(scope="module")
def task():
    return wann.make_task("swingup", max_steps=20)


def test_a_sweep_is_what_evaluate_measures(task):
    network, weights = wann.load_network("swingup52"), np.full(52, 1.0)
    found = sweep(task, network, weights, 5)
    assert (found["name"], len(found["weights"]), found["weights"][30]) == ("return", 101, -1.0)
    returns = wann.evaluate(task, [network], [-1.0, 1.0], 5, SEED)[0]
    for name, share in (("low", 10), ("middle", 50), ("high", 90)):
        at = [found[name][30], found[name][70]]
        np.testing.assert_allclose(at, np.percentile(returns, share, axis=-1), rtol=1e-5)
    assert found["tuned"] == pytest.approx(np.median(returns[1]), rel=1e-4)  # a vector of ones is the weight 1


def test_plot_weights_shows_the_sweep(task):
    network, weights = wann.load_network("swingup52"), np.full(52, 0.5)
    found = sweep(task, network, weights, 2)
    (axes,) = wann.plot_weights(task, network, weights, 2).axes
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    np.testing.assert_allclose(lines["median"], found["middle"])
    assert lines["tuned weights"][0] == pytest.approx(found["tuned"])
    assert axes.get_title() == "swingup: one weight for all connections"


def test_weights_that_do_not_fit_are_refused(task):
    network = wann.load_network("swingup52")
    with pytest.raises(ConfigError, match=r"weights must be 52 numbers, one for each connection; got \(3,\)"):
        wann.plot_weights(task, network, np.ones(3))
    with pytest.raises(ConfigError, match="network must be of 5 inputs and 1 outputs"):
        wann.plot_weights(task, wann.load_network("xor"))
