"""PyTorch modules: on a stand-in everywhere, on PyTorch and with gradients where it is installed."""

import sys

import jax
import numpy as np
import pytest

import wann_jax as wann
from tests.exporting.examples import MADE, assert_computes, each_weight, example, model
from tests.exporting.torch_stand_in import torch as stand_in
from wann_jax.exporting import torch_code


def module(text):
    names = {}
    exec(compile(text, "exported", "exec"), names)
    return names["Network"]()


@each_weight
def test_it_computes_what_the_definition_says(monkeypatch, name, weight):
    monkeypatch.setitem(sys.modules, "torch", stand_in)
    network = module(torch_code.render(model(name, weight is not None)))
    inputs = stand_in.tensor(example(name).inputs)
    outputs = network(inputs) if weight is None else network(inputs, weight)
    assert outputs.dtype == np.float32
    assert_computes(name, weight, np.asarray(outputs))
    blocks = inputs.reshape(4, 10, -1)
    again = network(blocks) if weight is None else network(blocks, weight)
    np.testing.assert_array_equal(again.reshape(outputs.shape), outputs)


def test_weights_are_in_the_order_of_the_networks_connections(monkeypatch):
    """A file for a shared weight also takes one for each connection; what was trained goes back."""
    monkeypatch.setitem(sys.modules, "torch", stand_in)
    made = example("digits")  # with dead connections
    assert int(made.network.num_connections) > model("digits", True).num_connections
    outputs = module(torch_code.render(model("digits", True)))(stand_in.tensor(made.inputs), made.weights)
    assert_computes("digits", None, np.asarray(outputs))
    network = module(torch_code.render(model("digits", False)))
    np.testing.assert_array_equal(network.weights, made.weights)


@each_weight
def test_pytorch_itself_computes_the_same(name, weight):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = module(torch_code.render(model(name, weight is not None)))
    inputs = torch.tensor(example(name).inputs)
    outputs = network(inputs) if weight is None else network(inputs, weight)
    assert_computes(name, weight, outputs.detach().numpy())


def test_pytorchs_gradients_are_those_of_the_definition():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    made, network = example(MADE), module(torch_code.render(model(MADE, False)))
    network(torch.tensor(made.inputs)).square().sum().backward()

    def squares(weights):
        return (wann.forward(made.network, weights, made.inputs) ** 2).sum()

    expected = np.asarray(jax.grad(squares)(made.weights))
    np.testing.assert_allclose(network.weights.grad.numpy(), expected, atol=1e-4 * np.abs(expected).max())
