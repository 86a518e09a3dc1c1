"""Networks of settled topology against the definition: outputs and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.helpers import LAYOUTS, POOL_SIZE, individual, pool, to_plain
from tests.oracle import network as oracle
from wann_jax.kernels.forward import forward
from wann_jax.networks.compiling import express
from wann_jax.networks.layered import Topology, in_lanes, in_layers


def example(spec, index):
    """A topology, its genome as lists, its network, weights [3, C] and inputs [12, I]."""
    genome = individual(pool(spec), index)
    network = jax.jit(express)(genome)
    topology = Topology.of(network)
    random = np.random.default_rng(index)
    weights = random.uniform(-1, 1, (3, topology.num_connections)).astype(np.float32)
    inputs = random.normal(size=(12, spec.num_inputs)).astype(np.float32)
    return topology, to_plain(genome), network, weights, inputs


@LAYOUTS
@pytest.mark.parametrize("index", range(0, POOL_SIZE, 3))
def test_both_ways_agree_with_float64(spec, index):
    topology, plain, network, weights, inputs = example(spec, index)
    assert topology.num_connections == int(network.num_connections)
    lanes = jax.jit(lambda weights, inputs: in_lanes(topology, weights, inputs))(weights[:, None], inputs[None])
    assert lanes.shape == (3, 12, spec.num_outputs)
    for place, vector in enumerate(weights):
        expected, settled = oracle.evaluate_settled(plain, vector, inputs, spec.num_outputs)
        layers = jax.jit(lambda weights: in_layers(topology, weights, jnp.asarray(inputs)))(vector)
        for found in (lanes[place], layers):
            error = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
            assert (error <= 1e-4)[settled].all()
        assert settled.mean() > 0.6


@LAYOUTS
def test_gradients_are_those_of_the_definition(spec):
    topology, _, network, weights, inputs = example(spec, 3)  # 40 mutations: no chaos of sines yet
    samples, vector = jnp.asarray(inputs), jnp.asarray(weights[0] / 2)

    def squares(function):
        return jax.jit(jax.grad(lambda weights: jnp.square(function(weights)).sum()))(vector)

    expected = squares(lambda weights: forward(network, weights, samples))
    assert np.abs(expected).max() > 0.1
    for found in (
        squares(lambda weights: in_lanes(topology, weights, samples)),
        squares(lambda weights: in_layers(topology, weights, samples)),
    ):
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3 * float(np.abs(expected).max()))
