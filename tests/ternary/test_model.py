"""Ternary weights: which count at a price, what they cost, and what the embedded network computes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.genomes.grading import grading_of
from wann_jax.genomes.graph import invariant_violations, num_live_connections
from wann_jax.ternary import embedding, model


def cost(weights):
    """Weights and relays, counted one by one."""
    relays = {(source, sign) for source, row in enumerate(weights) for sign in row if sign}
    return np.count_nonzero(weights) + len(relays)


@pytest.mark.parametrize("seed", range(4))
def test_weights_at_a_price_are_worth_most_for_what_they_cost(seed):
    """No other choice of the same or a lower cost has a larger sum of sizes."""
    random = np.random.default_rng(seed)
    latent = random.normal(size=(3, 3)).astype(np.float32)
    signs = np.sign(latent)
    choices = [np.array(bits).reshape(3, 3) * signs for bits in itertools.product((0, 1), repeat=9)]
    worth = [(cost(choice), (np.abs(latent) * np.abs(choice)).sum()) for choice in choices]
    for price in (0.05, 0.2, 0.4, 0.7, 1.0):
        found = np.asarray(model.ternary(jnp.asarray(latent), jnp.float32(price)))
        assert float(model.num_connections(jnp.asarray(found))) == cost(found) == embedding.num_connections([found])
        mine = (np.abs(latent) * np.abs(found)).sum()
        assert mine >= max(value for each, value in worth if each <= cost(found)) - 1e-6


@pytest.mark.parametrize("budget", [10, 40, 150])
def test_the_price_keeps_to_the_budget(budget):
    latent = jnp.asarray(np.random.default_rng(0).normal(size=(12, 9)), jnp.float32)
    price = model.price_for(latent, jnp.float32(budget))
    assert cost(np.asarray(model.ternary(latent, price))) <= budget
    cheaper = cost(np.asarray(model.ternary(latent, price - 2e-5)))
    assert cheaper > budget or cheaper == cost(np.sign(latent))


def test_gradients_pass_straight_through():
    latent = jnp.array([[0.9, -0.2], [0.5, -0.7]])
    factor = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    gradient = jax.grad(lambda latent: (factor * model.ternary(latent, jnp.float32(0.3))).sum())(latent)
    np.testing.assert_array_equal(gradient, factor)


def random_ternary(seed, *widths, share=0.5):
    random = np.random.default_rng(seed)
    return [
        (random.choice([-1.0, 1.0], (rows, columns)) * (random.uniform(size=(rows, columns)) < share)).astype(
            np.float32
        )
        for rows, columns in itertools.pairwise(widths)
    ]


@pytest.mark.parametrize("activation", ["abs", "relu"])
@pytest.mark.parametrize("widths", [(6, 7, 3), (6, 5, 4, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_the_embedded_network_is_graded_and_computes_the_same(seed, widths, activation):
    weights = random_ternary(seed, *widths)
    genome = embedding.embedded(weights, activation)
    depth = 2 * len(weights)
    grading = grading_of(genome)
    assert (grading.fault, grading.output) == ("", (depth, False))
    assert (
        int(genome.num_enabled)
        == int(num_live_connections(genome))
        == embedding.num_connections(embedding.alive(weights))
    )
    spec: GenomeSpec = genome.spec
    assert (spec.num_inputs, spec.num_outputs) == (widths[0] - 1, widths[-1])
    assert invariant_violations(genome) == []
    inputs = np.random.default_rng(seed).normal(size=(20, widths[0] - 1)).astype(np.float32)
    wanted = np.concatenate([inputs, np.ones((20, 1))], axis=1)
    for layer, matrix in enumerate(weights):
        wanted = wanted @ matrix
        if layer < len(weights) - 1:
            wanted = np.abs(wanted) if activation == "abs" else np.maximum(wanted, 0)
    scaled = np.asarray(model.outputs(weights, jnp.asarray(inputs), activation))
    fan_in = np.prod([np.abs(matrix).sum() / matrix.shape[1] for matrix in weights])
    np.testing.assert_allclose(scaled * np.sqrt(fan_in), wanted, rtol=1e-4, atol=1e-4)
    for weight in (-1.5, 0.5, 2.0):
        found = np.asarray(wann.forward(wann.express(genome), weight, inputs)) / weight**depth
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_what_leads_nowhere_or_comes_from_nowhere_is_gone():
    first = np.array([[1, 0, -1], [0, 0, 1]], np.float32)
    second = np.array([[1, 0], [1, 1], [0, 0]], np.float32)
    alive = embedding.alive([first, second])
    np.testing.assert_array_equal(alive[0], [[1, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(alive[1], [[1, 0], [0, 0], [0, 0]])
    assert first[0, 2] == -1  # what was given stays
