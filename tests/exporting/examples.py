"""Networks to export, and what they must compute."""

from functools import cache
from typing import NamedTuple

import jax
import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import ALL_ACTIVATIONS, PlainGenome, from_plain
from wann_jax.exporting.model import Model, model_of
from wann_jax.genomes.activation_ids import COS, LINEAR, TANH
from wann_jax.genomes.genome import GenomeSpec

MADE = "made"  # by `_made`; the others are of the zoo
SMALL = (MADE, "swingup52", "xor")
NAMES = (*SMALL, "biped", "digits", "mnist1849")
TUNED = (MADE, "swingup52", "digits", "mnist1849")
FORWARD = jax.jit(wann.forward)


def _weights(name: str) -> list[float | None]:
    """Shared weights, and None for weights of its own."""
    # With larger weights, its own among them, xor makes a thousandth of the last bit.
    shared = {"xor": (-0.5, 0.5), MADE: (-1.0, -0.5, 0.5, 1.0)}.get(name, (-1.0, 0.5))
    return [*shared, *([None] if name in TUNED else [])]


BY_WEIGHT = [(name, weight) for name in NAMES for weight in _weights(name)]
each_weight = pytest.mark.parametrize(("name", "weight"), BY_WEIGHT)
each_small_weight = pytest.mark.parametrize(("name", "weight"), [case for case in BY_WEIGHT if case[0] in SMALL])


class Example(NamedTuple):
    """A network, weights of its own if it has any, and inputs [40, I]."""

    network: wann.Network
    weights: np.ndarray | None
    inputs: np.ndarray


@cache
def example(name: str) -> Example:
    """The example of that name."""
    network, weights = _made() if name == MADE else (wann.load_network(name), wann.load_weights(name))
    random = np.random.default_rng(5)
    return Example(network, weights, random.normal(size=(40, network.spec.num_inputs)).astype(np.float32))


@cache
def model(name: str, shared: bool) -> Model:
    """What is exported of it."""
    made = example(name)
    return model_of(made.network, None, None if shared else made.weights)


def assert_computes(name: str, weight: float | None, outputs: np.ndarray) -> None:
    """The outputs are those of the definition, to 1e-5 of their scale."""
    made = example(name)
    expected = np.asarray(FORWARD(made.network, made.weights if weight is None else weight, made.inputs))
    assert np.ptp(expected) > 0.1
    assert outputs.shape == expected.shape
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5 * max(1.0, np.abs(expected).max()))


def _made() -> tuple[wann.Network, np.ndarray]:
    """All ten activations, a node that reads nothing, one that nobody reads, and a weight of 0."""
    spec = GenomeSpec.for_task(3, 2, ALL_ACTIVATIONS, 16)
    hidden = range(6, 16)
    links = [(1 + index % 3, node) for index, node in enumerate(hidden)] + [(0, 6), (0, 12), (2, 12)]
    links += [(node, node + 1) for node in hidden[:-1]] + [(node, 4 + node % 2) for node in hidden]
    links += [(16, 4), (2, 17)]
    connections = [(0, 16, False), *((source, target, True) for source, target in links)]
    genome = from_plain(spec, PlainGenome([LINEAR] * 4 + [TANH, LINEAR, *ALL_ACTIVATIONS, COS, TANH], connections))
    weights = np.random.default_rng(1).uniform(-1, 1, len(links)).astype(np.float32)
    weights[3] = 0.0
    return jax.jit(wann.express)(genome), weights
