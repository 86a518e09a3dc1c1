"""Networks as ONNX graphs (extra `onnx`).

In: a model. Out: the bytes of a file. Inputs: `x` [batch, I] and, if the connections share one, the scalar `weight`;
output: `y` [batch, O].

The values of all nodes so far are the rows of one array [values, batch]. A layer gathers the sources of its nodes and
adds them up. Nodes with about as many sources go together, in lists that are padded to the longest: a matrix with a
column for each earlier value would be 40 to 100 times as large.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from wann_jax.exporting.model import Model
from wann_jax.genomes.activation_ids import ABS, COS, GAUSSIAN, INVERSE, LINEAR, RELU, SIGMOID, SIN, STEP, TANH
from wann_jax.networks.layered import Node
from wann_jax.version import __version__

_OPSET, _IR_VERSION = 17, 8  # of 2022: runtimes of today and of some years ago read it
# By activation: the operators, one after another, each with its constant if it takes one.
_OPERATORS: dict[int, tuple[tuple[str, str | None], ...]] = {
    LINEAR: (),
    STEP: (("Greater", "zero"), ("Cast", None)),
    SIN: (("Mod", "two"), ("Mul", "pi"), ("Sin", None)),
    GAUSSIAN: (("Pow", "two"), ("Mul", "minus_half"), ("Exp", None)),
    TANH: (("Tanh", None),),
    SIGMOID: (("Sigmoid", None),),
    INVERSE: (("Neg", None),),
    ABS: (("Abs", None),),
    RELU: (("Relu", None),),
    COS: (("Mod", "two"), ("Mul", "pi"), ("Cos", None)),
}
_CONSTANTS = {"zero": 0.0, "two": 2.0, "pi": np.pi, "minus_half": -0.5}
_ATTRIBUTES: dict[str, dict[str, int]] = {"Cast": dict(to=TensorProto.FLOAT), "Mod": dict(fmod=1)}
_ZERO = 0  # row of the values that padded lists point to; the bias comes next, then the inputs


class _Graph:
    """Operators and constants, as they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        """Its name."""
        self.constants[name] = numpy_helper.from_array(value, name)
        return name

    def add(self, operator: str, inputs: Sequence[str], count: int | None = None, **attributes: Any) -> list[str]:
        """Names of the operator's outputs, as many as `count`."""
        outputs = [f"v{len(self.nodes)}" + ("" if count is None else f"_{index}") for index in range(count or 1)]
        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs

    def chain(self, name: str, activation: int) -> str:
        """The name of the activated values."""
        for operator, constant in _OPERATORS[activation]:
            if constant:
                self.constant(constant, np.array(_CONSTANTS[constant], np.float32))
            inputs = [name, constant] if constant else [name]
            (name,) = self.add(operator, inputs, **_ATTRIBUTES.get(operator, {}))
        return name


def render(model: Model) -> bytes:
    """The file's content; checked by ONNX."""
    graph, topology = _Graph(), model.topology
    values = _first_values(graph)
    row = {number: 1 + number for number in range(model.first)}  # of a node's value
    for layer in topology.layers:
        parts = [values]
        for numbers in _groups(model, layer):
            row |= {number: len(row) + 1 + index for index, number in enumerate(numbers)}
            parts += _add_group(graph, model, values, numbers, row)
        (values,) = graph.add("Concat", parts, axis=0)
    outputs = graph.constant("outputs", np.array([row[number] for number in topology.outputs], np.int32))
    (chosen,) = graph.add("Gather", [values, outputs], axis=0)
    graph.nodes.append(helper.make_node("Transpose", [chosen], ["y"], perm=[1, 0]))
    return _whole(graph, model).SerializeToString(deterministic=True)


def _first_values(graph: _Graph) -> str:
    """A row of zeros, one of ones, and the inputs."""
    (rows,) = graph.add("Transpose", ["x"], perm=[1, 0])
    one_before = graph.constant("one_before", np.array([1, 0, 0, 0], np.int64))
    for value in (1.0, 0.0):
        filling = graph.constant(f"fill_{value:.0f}", np.array(value, np.float32))
        (rows,) = graph.add("Pad", [rows, one_before, filling])
    return rows


def _groups(model: Model, layer: tuple[int, ...]) -> Iterator[list[int]]:
    """The layer's nodes by number of sources: up to 1, 4, 16 and so on; in each group still sorted by activation."""

    def size(number: int) -> int:
        return (max(len(model.topology.nodes[number - model.first].sources), 1) - 1).bit_length() // 2

    for wanted in sorted({size(number) for number in layer}):
        yield [number for number in layer if size(number) == wanted]


def _add_group(graph: _Graph, model: Model, values: str, numbers: list[int], row: dict[int, int]) -> list[str]:
    """Names of the activated values of some nodes, in their order."""
    nodes = [model.topology.nodes[number - model.first] for number in numbers]
    sources = np.array(_padded([[row[source] for source in node.sources] for node in nodes], _ZERO), np.int32)
    label = f"{len(graph.nodes)}"
    (terms,) = graph.add("Gather", [values, graph.constant(f"sources_{label}", sources)], axis=0)
    axis = graph.constant("axis", np.array([1], np.int64))
    if model.weights is None:
        (sums,) = graph.add("ReduceSum", [terms, axis], keepdims=0)
        (totals,) = graph.add("Mul", [sums, "weight"])
    else:
        weights = np.array(_padded([model.weights_of(node) for node in nodes], 0.0), np.float32)[..., None]
        (terms,) = graph.add("Mul", [terms, graph.constant(f"weights_{label}", weights)])
        (totals,) = graph.add("ReduceSum", [terms, axis], keepdims=0)
    counts = _counts(nodes)
    if len(counts) == 1:
        return [graph.chain(totals, activation) for activation in counts]
    sizes = graph.constant(f"sizes_{label}", np.array(list(counts.values()), np.int64))
    parts = graph.add("Split", [totals, sizes], count=len(counts), axis=0)
    return [graph.chain(part, activation) for part, activation in zip(parts, counts, strict=True)]


def _counts(nodes: list[Node]) -> dict[int, int]:
    """How many nodes have each activation, in their order."""
    found: dict[int, int] = {}
    for node in nodes:
        found[node.activation] = found.get(node.activation, 0) + 1
    return found


def _padded(rows: list[list], fill: int | float) -> list[list]:
    width = max(1, *map(len, rows))
    return [row + [fill] * (width - len(row)) for row in rows]


def _whole(graph: _Graph, model: Model) -> onnx.ModelProto:
    topology = model.topology
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", topology.num_inputs])]
    if model.weights is None:
        inputs.append(helper.make_tensor_value_info("weight", TensorProto.FLOAT, []))
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", len(topology.outputs)])]
    made = helper.make_graph(graph.nodes, "network", inputs, outputs, list(graph.constants.values()))
    whole = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="wann_jax",
        producer_version=__version__,
        doc_string="\n".join(model.facts),
    )
    onnx.checker.check_model(whole, full_check=True)
    return whole
