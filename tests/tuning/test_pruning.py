"""Pruning while tuning: how many connections are left when, which ones, and that the rest is the same network."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import PlainGenome, from_plain
from tests.oracle.pruning import prune_slowly
from tests.tuning.test_tuning import blob_network, blobs
from wann_jax.errors import ConfigError
from wann_jax.tuning.api import TuneConfig, tune
from wann_jax.tuning.pruning import Pruning, connections_left, steps_until_pruned


def test_connections_go_as_the_slow_version_says():
    random = np.random.default_rng(0)
    weights, gradients = random.normal(size=(2, 40, 12)).astype(np.float32)
    pruning = Pruning.begin(jnp.ones(12))
    update = jax.jit(Pruning.update, static_argnames=("least", "num_steps"))
    counts = []
    for masks, weight, gradient in zip(prune_slowly(weights, gradients, 5), weights, gradients, strict=True):
        pruning = update(pruning, weight * pruning.mask, gradient, least=5, num_steps=40)
        np.testing.assert_array_equal(pruning.mask, masks)
        counts.append(int(pruning.mask.sum()))
    assert counts[:4] == [12] * 4
    assert counts[steps_until_pruned(40) - 1 :] == [5] * 13
    assert len(set(counts)) > 4


def test_the_number_of_connections_falls_along_a_cubic_and_never_below_what_is_asked():
    steps = jnp.arange(100, dtype=jnp.int32)
    count = jax.vmap(connections_left, in_axes=(0, None, None, None))
    left = np.asarray(count(steps, 1000, 200, 100))
    assert (left[:9] == 1000).all()
    assert left[39] == 200 + 100  # half-way between a tenth and seven tenths of the steps
    assert (left[steps_until_pruned(100) - 1 :] == 200).all()
    assert (np.diff(left) <= 0).all()
    assert (np.asarray(count(steps, 100, 200, 100)) >= 100).all()  # nothing to prune


def test_tuning_leaves_the_connections_asked_for_and_scores_the_pruned_network():
    settings = dict(steps=100, validation_interval=25, minibatch_size=64, connections=1)
    config = TuneConfig.for_task(True, "adam", **settings)
    spec = wann.GenomeSpec.for_task(2, 3, (5,), 4)
    full = [(source, target, True) for source in range(3) for target in range(3, 6)]
    genome = from_plain(spec, PlainGenome([1] * 6, full))
    task = blobs()
    # From weights that are fine already: snapshots before the pruning is done, and the start, do not count.
    start = tune(task, blob_network(), 0.5, "adam", dataclasses.replace(config, connections=0)).weights
    result = tune(task, blob_network(), start, "adam", config)
    assert np.count_nonzero(result.weights) == 1
    assert result.start_score > result.score > 0.5
    network = wann.express(wann.pruned(genome, result.weights)[0])
    weights = result.weights[result.weights != 0]
    assert int(network.num_connections) == len(weights) == 1
    inputs = np.asarray(task.inputs["validation"])
    outputs = wann.forward(network, weights, inputs)
    np.testing.assert_allclose(outputs, wann.forward(blob_network(), result.weights, inputs), atol=1e-5)
    found = (np.asarray(outputs).argmax(-1) == np.asarray(task.labels["validation"])).mean()
    np.testing.assert_allclose(found, result.score, atol=1e-6)


def test_a_refit_prunes_again():
    settings = dict(steps=100, validation_interval=100, minibatch_size=64, connections=4, refit=True)
    config = TuneConfig.for_task(True, "adam", **settings, shared_starts=(), learning_rates=(0.03,))
    result = tune(blobs(), blob_network(), 0.5, "adam", config)
    assert np.count_nonzero(result.weights) == 4
    plain = dataclasses.replace(config, refit=False)
    whole = tune(blobs().with_all_images(), blob_network(), 0.5, "adam", plain)
    np.testing.assert_array_equal(result.weights, whole.weights)


@pytest.mark.parametrize("method", ["es", "cma"])
def test_only_gradient_descent_prunes(method):
    with pytest.raises(ConfigError) as caught:
        tune(blobs(), blob_network(), 0.5, method, TuneConfig(connections=5))
    assert str(caught.value) == "tune.connections must be 0, for all: only adam prunes; got 5"
