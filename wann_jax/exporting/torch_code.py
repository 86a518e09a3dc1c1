"""Networks as PyTorch modules: layer by layer, differentiable, in batches.

In: a model. Out: the text of a Python module with `class Network(torch.nn.Module)`, which needs PyTorch only.
Weights are in the order of the network's own connections, so that what was trained goes back into `wann_jax.forward`.
"""

from collections import Counter

from wann_jax.exporting.equations import folded
from wann_jax.exporting.model import Model
from wann_jax.genomes.activation_ids import ABS, COS, GAUSSIAN, INVERSE, LINEAR, RELU, SIGMOID, SIN, STEP, TANH

# By activation: what the file calls it, and its body where PyTorch has none. The step's derivative is the logistic
# function's, as in networks/activations.py.
_FUNCTIONS: dict[int, tuple[str, str | None]] = {
    LINEAR: ("linear", "v"),
    STEP: ("step", "(v > 0).to(v.dtype) + (torch.sigmoid(v) - torch.sigmoid(v).detach())  # straight through"),
    SIN: ("sin_pi", "torch.sin(torch.pi * torch.remainder(v, 2.0))"),
    GAUSSIAN: ("gaussian", "torch.exp(-0.5 * v * v)"),
    TANH: ("torch.tanh", None),
    SIGMOID: ("torch.sigmoid", None),
    INVERSE: ("torch.neg", None),
    ABS: ("torch.abs", None),
    RELU: ("torch.relu", None),
    COS: ("cos_pi", "torch.cos(torch.pi * torch.remainder(v, 2.0))"),
}


def render(model: Model) -> str:
    """The module's text."""
    used = [_FUNCTIONS[each] for each in sorted(model.activations)]
    helpers = [f"def {name}(v):\n    return {body}" for name, body in used if body]
    parts = ["\n".join([*(f"# {line}" for line in model.facts), "import torch"]), *helpers]
    return "\n\n\n".join([*parts, _tables(model), _module(model)]) + "\n"


def _tables(model: Model) -> str:
    topology = model.topology
    row = {number: number for number in range(model.first)}
    layers = []
    for layer in topology.layers:
        nodes = [topology.nodes[number - model.first] for number in layer]
        counts = Counter(_FUNCTIONS[node.activation][0] for node in nodes)  # they are sorted by activation
        sources = [row[source] for node in nodes for source in node.sources]
        targets = [place for place, node in enumerate(nodes) for _ in node.sources]
        connections = [connection for node in nodes for connection in node.connections]
        row |= {number: len(row) + place for place, number in enumerate(layer)}
        functions = "[" + ", ".join(f"({name}, {count})" for name, count in counts.items()) + "]"
        layers += [
            "    (",
            *(folded(f"        {each},") for each in (functions, sources, targets, connections)),
            "    ),",
        ]
    lines = [
        "# Values: the bias, inputs, then nodes layer by layer. Of each layer: functions with numbers of nodes; for",
        "# each connection its source among the values, its target within the layer, and its place in the weights.",
        "LAYERS = [",
        *layers,
        "]",
        folded(f"OUTPUTS = {[row[number] for number in topology.outputs]}"),
    ]
    if model.weights is None:
        lines.append(f"NUM_CONNECTIONS = {topology.num_connections}")
    else:
        lines.append(folded(f"WEIGHTS = {[float(str(weight)) for weight in model.weights]}"))
    return "\n".join(lines)


def _module(model: Model) -> str:
    num_inputs, num_outputs = model.topology.num_inputs, len(model.topology.outputs)
    if model.weights is None:
        made, arguments = "", "inputs, weight=1.0"
        told = "`weight`: one number that all connections share, or a tensor with one for each."
        weights = "torch.as_tensor(weight, dtype=inputs.dtype, device=inputs.device).expand(NUM_CONNECTIONS)"
    else:
        made, arguments = "        self.weights = torch.nn.Parameter(torch.tensor(WEIGHTS))\n", "inputs"
        told, weights = "The weights are a parameter: train on.", "self.weights"
    return f'''\
class Network(torch.nn.Module):
    """Outputs [..., {num_outputs}] of inputs [..., {num_inputs}]. {told}"""

    def __init__(self):
        super().__init__()
{made}        for index, (_, *tables) in enumerate(LAYERS):
            self.register_buffer(f"tables_{{index}}", torch.tensor(tables, dtype=torch.long), persistent=False)

    def forward(self, {arguments}):
        weights = {weights}
        rows = inputs.reshape(-1, {num_inputs}).T
        values = torch.cat([torch.ones_like(rows[:1]), rows])
        for index, (functions, *_) in enumerate(LAYERS):
            sources, targets, connections = getattr(self, f"tables_{{index}}")
            counts = [count for _, count in functions]
            totals = values.new_zeros(sum(counts), values.shape[1])
            totals = totals.index_add(0, targets, values[sources] * weights[connections].unsqueeze(1))
            parts = [function(part) for (function, _), part in zip(functions, totals.split(counts))]
            values = torch.cat([values, *parts])
        return values[OUTPUTS].T.reshape(*inputs.shape[:-1], {num_outputs})'''
