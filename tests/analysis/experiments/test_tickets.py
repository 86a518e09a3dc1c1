"""Pruning, subnetworks of random signs, one magnitude: masks are nested and small, and what they learn is right."""

import jax.numpy as jnp
import numpy as np

import wann_jax as wann
from tests.tuning.test_tuning import blobs
from wann_jax.analysis.baselines import dense_topology
from wann_jax.analysis.experiments.masks import alive, prune
from wann_jax.analysis.experiments.popup import subnetworks
from wann_jax.analysis.experiments.tickets import best_magnitude
from wann_jax.analysis.experiments.training import Plan, accuracies, all_left, fresh, train
from wann_jax.genomes.activation_ids import RELU
from wann_jax.networks.layered import Topology

DENSE = dense_topology(2, 8, 3, RELU)  # 24 + 27 connections
PLAN = Plan(60, 32, 0.0)


def test_pruning_keeps_fewer_and_fewer_of_the_same_and_goes_back_to_where_it_began():
    task, seeds = blobs(), [0, 1]
    starts = fresh(DENSE, all_left(DENSE, 2), seeds)
    early, ((first, _), (second, ends)) = prune(task, DENSE, PLAN, starts, 0.3, seeds, [25, 12], rewind=0)
    np.testing.assert_array_equal(early, starts)
    assert (first.sum(1) <= 25).all()
    assert (second.sum(1) <= 12).all()
    assert (second.sum(1) >= 10).all()
    assert (second <= first).all()
    assert all((alive(DENSE, mask) == mask).all() for mask in second)
    assert (np.abs(ends[second > 0]) > 0).all()
    given = (jnp.asarray(early), jnp.asarray(second), jnp.full(2, 0.3), jnp.array(seeds))
    assert (accuracies(task, DENSE, train(task, DENSE, PLAN, *given, steps=jnp.int32(60)), "test") > 0.9).all()


def test_a_subnetwork_of_random_signs_is_better_than_all_of_them():
    task, seeds = blobs(), [0, 1, 2]
    signs = subnetworks(task, DENSE, PLAN, 20, seeds)
    assert (np.abs(signs).sum(1) <= 20).all()
    assert set(np.unique(signs)) == {-1.0, 0.0, 1.0}
    draws = np.stack([np.random.default_rng(seed).choice([-1.0, 1.0], 51) for seed in seeds])
    assert (signs[signs != 0] == draws[signs != 0]).all()
    assert best_magnitude(task, DENSE, signs).mean() > best_magnitude(task, DENSE, draws).mean() + 0.1


def test_the_best_magnitude_of_a_graded_network_is_any():
    task, network = wann.make_task("digits"), wann.load_network("digits-exact")
    topology = Topology.of(network)
    (found,) = best_magnitude(task, topology, all_left(topology, 1))
    assert abs(found - float(wann.evaluate(task, [network], [0.6], split="test")[0, 0, 0])) < 0.004
