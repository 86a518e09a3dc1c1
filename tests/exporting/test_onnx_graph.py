"""ONNX graphs in ONNX's own runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.exporting.examples import assert_computes, each_weight, example, model
from wann_jax.exporting import onnx_graph
from wann_jax.exporting.model import model_of


@each_weight
def test_the_runtime_computes_what_the_definition_says(name, weight):
    content = onnx_graph.render(model(name, weight is not None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    feed = {"x": example(name).inputs}
    if weight is not None:
        feed["weight"] = np.array(weight, np.float32)
    assert {given.name for given in session.get_inputs()} == {*feed}
    (outputs,) = session.run(["y"], feed)
    assert_computes(name, weight, outputs)


@pytest.mark.parametrize(("shared", "most"), [(True, 24_000), (False, 36_000)])
def test_a_sparse_network_stays_small(shared, most):
    """Of 1,849 connections; with a matrix for each layer it would have 1.05 MB."""
    assert len(onnx_graph.render(model_of("mnist1849", shared=shared))) < most


def test_the_file_says_what_it_is():
    whole = onnx.load_from_string(onnx_graph.render(model_of("swingup52")))
    assert whole.doc_string.splitlines()[1:] == ["inputs: x, ẋ, cos θ, sin θ, θ̇", "outputs: force"]
    shapes = [
        [size.dim_param or size.dim_value for size in each.type.tensor_type.shape.dim]
        for each in (*whole.graph.input, *whole.graph.output)
    ]
    assert shapes == [["batch", 5], ["batch", 1]]
