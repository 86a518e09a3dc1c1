"""The experiment about random weights: random topologies have the evolved one's size, noise is what it is called."""

import numpy as np
import pytest

import wann_jax as wann
from wann_jax.analysis.experiments import random_weights
from wann_jax.genomes.graph import invariant_violations


def test_a_random_topology_has_the_same_size_and_other_sources():
    genome = wann.load_genome("digits")
    found = random_weights.shuffled(genome, 0)
    assert invariant_violations(found) == []
    assert int(found.num_enabled) == int(genome.num_enabled)
    assert int(found.num_hidden) == int(genome.num_hidden)
    targets, wanted = (np.sort(np.asarray(each.conn_target)[np.asarray(each.enabled_mask)]) for each in (found, genome))
    np.testing.assert_array_equal(targets, wanted)
    pairs = [
        set(zip(np.asarray(g.conn_source).tolist(), np.asarray(g.conn_target).tolist(), strict=True))
        for g in (found, genome)
    ]
    assert len(pairs[0] & pairs[1]) < 0.5 * len(pairs[1])


def test_without_noise_the_score_is_that_of_the_best_shared_weight_and_no_sign_matters_if_all_flip():
    task, genome = wann.make_task("digits"), wann.load_genome("digits-exact")
    plain = random_weights._scores(task, genome, "flips", 0.0, 3)
    flipped = random_weights._scores(task, genome, "flips", 1.0, 3)
    assert plain == pytest.approx([0.977] * 3, abs=0.006)
    assert flipped == pytest.approx(plain, abs=0.006)  # -w is another shared weight
    half = random_weights._scores(task, genome, "flips", 0.5, 40)
    assert np.mean(half) < random_weights.BOUND
