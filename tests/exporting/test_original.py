"""Matrices in the original's format: read back, they are the same network."""

import numpy as np
import pytest

import wann_jax as wann
from tests.exporting.examples import FORWARD, MADE, assert_computes, example, model
from wann_jax.exporting import original
from wann_jax.genomes.activation_ids import ACTIVATION_NAMES


def read_back(tmp_path, name, shared):
    path = tmp_path / "network.out"
    path.write_text(original.render(model(name, shared)))
    spec = example(name).network.spec
    sizes = spec.num_inputs, spec.num_outputs
    return wann.load_network(path, *sizes), wann.load_weights(path, *sizes)


@pytest.mark.parametrize("name", [MADE, "swingup52", "biped", "digits"])
def test_a_shared_weight_is_left_open(tmp_path, name):
    network, weights = read_back(tmp_path, name, True)
    assert weights is None
    assert int(network.num_connections) == model(name, True).num_connections
    for weight in (-0.5, 1.0):
        assert_computes(name, weight, np.asarray(FORWARD(network, weight, example(name).inputs)))


@pytest.mark.parametrize("name", [MADE, "swingup52", "digits"])
def test_weights_of_its_own_are_read_back(tmp_path, name):
    network, weights = read_back(tmp_path, name, False)
    assert len(weights) == model(name, False).num_connections  # also those that are 0
    assert_computes(name, None, np.asarray(FORWARD(network, weights, example(name).inputs)))


def test_a_weight_of_0_stays_a_connection_and_a_constant_a_node():
    rows = [row.split(",") for row in original.render(model(MADE, False)).splitlines()]
    assert all(len(row) == len(rows) + 1 for row in rows)
    entries = [entry for row in rows for entry in row[:-1] if entry != "0"]
    assert entries.count("1.17549435e-38") == 1
    assert entries.count("nan") == 1
    ids = [int(row[-1]) for row in rows]
    assert sorted(ids[4:-2]) == [*range(1, ACTIVATION_NAMES.index("cos")), 10, 10]
