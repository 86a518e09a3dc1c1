"""Networks as Python files that need NumPy only.

In: a model. Out: the text of a module with one function, `network`. Small networks become one line for each node, with
the task's names; large ones a table, since a function of thousands of lines is no reading.
"""

from wann_jax.exporting.equations import equations, folded, names
from wann_jax.exporting.model import Model
from wann_jax.genomes.activation_ids import ABS, COS, GAUSSIAN, INVERSE, LINEAR, RELU, SIGMOID, SIN, STEP, TANH

MOST_LINES = 300  # connections of a network that is written line by line

# By activation: what the files call it. Of sin and cos the range is reduced before the product with pi is rounded.
_CALLED = {
    STEP: "step",
    SIN: "sin_pi",
    GAUSSIAN: "gaussian",
    TANH: "np.tanh",
    SIGMOID: "sigmoid",
    INVERSE: "np.negative",
    ABS: "np.abs",
    RELU: "relu",
    COS: "cos_pi",
}
_BODIES = {
    LINEAR: ("linear", "v"),
    STEP: ("step", "np.where(v > 0, 1.0, 0.0)"),
    SIN: ("sin_pi", "np.sin(np.pi * np.remainder(v, 2))"),
    GAUSSIAN: ("gaussian", "np.exp(-0.5 * v * v)"),
    SIGMOID: ("sigmoid", "0.5 * np.tanh(0.5 * v) + 0.5"),
    RELU: ("relu", "np.maximum(v, 0.0)"),
    COS: ("cos_pi", "np.cos(np.pi * np.remainder(v, 2))"),
}


def render(model: Model) -> str:
    """The module's text."""
    is_small = model.num_connections <= MOST_LINES
    used = sorted(model.activations - ({LINEAR} if is_small else set()))
    helpers = [
        f"def {name}(v):\n    return {body}" for name, body in (_BODIES[each] for each in used if each in _BODIES)
    ]
    parts = ["\n".join([*(f"# {line}" for line in model.facts), "import numpy as np"]), *helpers]
    parts.append(_by_lines(model) if is_small else _by_table(model))
    return "\n\n\n".join(parts) + "\n"


def _head(model: Model) -> str:
    sizes = f"Outputs [..., {len(model.topology.outputs)}] of inputs [..., {model.topology.num_inputs}]"
    if model.weights is None:
        return f'def network(inputs, weight=1.0):\n    """{sizes}; all connections share one weight."""\n'
    return f'def network(inputs):\n    """{sizes}."""\n'


def _by_lines(model: Model) -> str:
    called = names(model)
    lines = ["    inputs = np.asarray(inputs, float)", "    bias = np.ones(inputs.shape[:-1])"]
    used = {source for node in model.topology.nodes for source in node.sources}
    lines += [f"    {called[n]} = inputs[..., {n - 1}]" for n in range(1, model.first) if n in used]
    for name, activation, total in equations(model, called, repr):
        is_bare = activation == LINEAR and len(total) < 90  # what needs several lines needs brackets
        value = total if is_bare else f"{_CALLED.get(activation, '')}({total})"
        lines.append(folded(f"    {name} = {value}"))
    outputs = ", ".join(called[number] for number in model.topology.outputs)
    return _head(model) + "\n".join([*lines, folded(f"    return np.stack([{outputs}], axis=-1)")])


def _by_table(model: Model) -> str:
    topology, is_shared = model.topology, model.weights is None
    rows = []
    for node in topology.nodes:
        weights = "" if is_shared else f", {model.weights_of(node)}"
        rows.append(folded(f"    ({_CALLED.get(node.activation, 'linear')}, {list(node.sources)}{weights}),"))
    columns = "activation, sources" + ("" if is_shared else ", weights")
    total = "weight * values[sources].sum(axis=0)" if is_shared else "np.tensordot(weights, values[sources], axes=1)"
    return f"""\
# Each node: {columns}.
# Numbers of sources: 0 is the bias, then come the inputs, then the nodes in this order.
NODES = [
{chr(10).join(rows)}
]
{folded(f"OUTPUTS = {list(topology.outputs)}")}


{_head(model)}    inputs = np.asarray(inputs, float)
    values = np.ones(({model.first} + len(NODES), *inputs.shape[:-1]))
    values[1:{model.first}] = np.moveaxis(inputs, -1, 0)
    for number, ({columns}) in enumerate(NODES, {model.first}):
        values[number] = activation({total})
    return np.moveaxis(values[OUTPUTS], 0, -1)"""
