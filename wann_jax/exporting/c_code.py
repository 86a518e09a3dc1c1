"""Networks as C files that need <math.h> only, for what has no Python: one function, floats of 32 bits, no memory.

In: a model. Out: the text; C99, and C++ as well.
"""

from wann_jax.exporting.equations import equations, folded, names
from wann_jax.exporting.model import Model
from wann_jax.genomes.activation_ids import ABS, COS, GAUSSIAN, INVERSE, LINEAR, RELU, SIGMOID, SIN, STEP, TANH

# By activation: the call around a sum.
_CALLS = {
    LINEAR: "{}",
    STEP: "step({})",
    SIN: "sin_pi({})",
    GAUSSIAN: "gaussian({})",
    TANH: "tanhf({})",
    SIGMOID: "sigmoid({})",
    INVERSE: "-({})",
    ABS: "fabsf({})",
    RELU: "fmaxf({}, 0.0f)",
    COS: "cos_pi({})",
}
_BODIES = {
    STEP: ("step", "v > 0.0f ? 1.0f : 0.0f"),
    SIN: ("sin_pi", "sinf(3.14159265f * fmodf(v, 2.0f))"),
    GAUSSIAN: ("gaussian", "expf(-0.5f * v * v)"),
    SIGMOID: ("sigmoid", "0.5f * tanhf(0.5f * v) + 0.5f"),
    COS: ("cos_pi", "cosf(3.14159265f * fmodf(v, 2.0f))"),
}


def render(model: Model) -> str:
    """The file's text."""
    called, topology = names(model), model.topology
    bodies = [_BODIES[each] for each in sorted(model.activations) if each in _BODIES]
    lines = [f"// {line}" for line in model.facts] + ["#include <math.h>", ""]
    lines += [f"static float {name}(float v) {{ return {body}; }}" for name, body in bodies] + [""]
    weight = "float weight, " if model.weights is None else ""
    sizes = f"inputs[{topology.num_inputs}], outputs[{len(topology.outputs)}]"
    lines += [f"// {sizes}", f"void network(const float *inputs, {weight}float *outputs) {{"]
    used = {source for node in topology.nodes for source in node.sources}
    if 0 in used or not all(node.sources for node in topology.nodes):
        lines.append("    const float bias = 1.0f;")
    lines += [f"    const float {called[n]} = inputs[{n - 1}];" for n in range(1, model.first) if n in used]
    for name, activation, total in equations(model, called, lambda weight: f"{weight!r}f"):
        lines.append(folded(f"    const float {name} = {_CALLS[activation].format(total)};"))
    lines += [f"    outputs[{index}] = {called[number]};" for index, number in enumerate(topology.outputs)]
    return "\n".join([*lines, "}", ""])
