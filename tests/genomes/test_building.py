"""Several networks as one: an output is the sum of theirs, and what cannot be joined is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import FEW_INPUTS, PlainGenome, from_plain, individuals, pool, to_plain
from tests.oracle.network import evaluate
from wann_jax.errors import ConfigError
from wann_jax.genomes.graph import invariant_violations

INPUTS, OUTPUTS = range(1 + FEW_INPUTS.num_inputs), range(FEW_INPUTS.first_output, FEW_INPUTS.num_fixed)


def without_direct(plain):
    """The same, no bias or input straight to an output."""
    kept = [(s, t, on and not (s in INPUTS and t in OUTPUTS)) for s, t, on in plain.connections]
    return PlainGenome(plain.activations, kept)


def test_outputs_of_networks_side_by_side_are_sums():
    inputs = np.random.default_rng(0).normal(size=(8, FEW_INPUTS.num_inputs)).astype(np.float32)
    genomes = [jax.tree.map(jnp.asarray, genome) for genome in individuals(pool(FEW_INPUTS))[:6]]
    for first, second in zip(genomes[::2], genomes[1::2], strict=True):
        other = from_plain(FEW_INPUTS, without_direct(to_plain(second)))
        united = wann.unite([first, other])
        parts = [evaluate(to_plain(genome), 0.7, inputs, FEW_INPUTS.num_outputs) for genome in (first, other)]
        np.testing.assert_allclose(
            evaluate(to_plain(united), 0.7, inputs, FEW_INPUTS.num_outputs), sum(parts), rtol=1e-9
        )
        assert int(united.num_enabled) == int(first.num_enabled) + int(other.num_enabled)
        assert invariant_violations(united) == []


def test_connections_that_several_have_count_once():
    spec = wann.GenomeSpec.for_task(2, 1, (5,), 4)
    first = from_plain(spec, PlainGenome([1, 1, 1, 1, 5], [(1, 3, True), (2, 3, False), (1, 4, True), (4, 3, True)]))
    second = from_plain(spec, PlainGenome([1, 1, 1, 1, 9], [(1, 3, True), (2, 4, True), (4, 3, True)]))
    united = wann.unite([first, second])
    plain = to_plain(united)
    assert plain.activations == [1, 1, 1, 1, 5, 9]
    assert plain.connections == [(s, t, True) for s, t in ((1, 3), (1, 4), (4, 3), (2, 5), (5, 3))]


def test_networks_that_do_not_fit_together_are_refused():
    spec = wann.GenomeSpec.for_task(2, 1, (5,), 4)
    genome = from_plain(spec, PlainGenome([1] * 4, [(1, 3, True)]))
    bent = from_plain(spec, PlainGenome([1, 1, 1, 5], [(1, 3, True)]))
    for other in (individuals(pool(FEW_INPUTS))[0], bent):
        with pytest.raises(ConfigError, match=r"^networks: inputs, outputs and their activations must be the same in"):
            wann.unite([genome, other])
    with pytest.raises(ConfigError, match=r"^networks must be at least one; got 0"):
        wann.unite([])


def test_a_pruned_genome_is_the_same_network_without_what_does_nothing():
    random = np.random.default_rng(1)
    inputs = random.normal(size=(8, FEW_INPUTS.num_inputs)).astype(np.float32)
    fewer = 0
    for genome in individuals(pool(FEW_INPUTS)):
        genome = jax.tree.map(jnp.asarray, genome)
        weights = random.normal(size=int(genome.num_enabled)).astype(np.float32)
        weights[random.random(len(weights)) < 0.6] = 0.0
        small, left = wann.pruned(genome, weights)
        spec = small.spec
        plain = to_plain(small)
        assert len(left) == int(small.num_enabled) == len(plain.connections) == np.count_nonzero(weights)
        np.testing.assert_allclose(
            evaluate(plain, left, inputs, 2), evaluate(to_plain(genome), weights, inputs, 2), rtol=1e-9
        )
        joined = {end for source, target, _ in plain.connections for end in (source, target)}
        assert set(range(spec.num_fixed, len(plain.activations))) <= joined
        marks, old = (np.asarray(each.node_mark)[: int(each.num_nodes)].tolist() for each in (small, genome))
        assert marks == [mark for mark in old if mark in marks]
        fewer += len(marks) < len(old)
        assert invariant_violations(small) == []
    assert fewer > 5
