"""Formulas: their values, and whether they can be set."""

import numpy as np
import sympy
from matplotlib.mathtext import MathTextParser

from tests.exporting.examples import assert_computes, each_small_weight, example, model
from wann_jax.exporting import latex


@each_small_weight
def test_formulas_have_the_values_of_the_definition(name, weight):
    formulas = list(latex.formulas(model(name, weight is not None)))
    inputs = example(name).inputs.astype(float)
    known = {f"x_{index}": column for index, column in enumerate(inputs.T, 1)} | {"w": weight}
    for symbol, formula in formulas:
        used = sorted(formula.free_symbols, key=str)
        function = sympy.lambdify(used, formula, "numpy")
        values = [function(*row) for row in zip(*(np.broadcast_to(known[str(each)], 40) for each in used), strict=True)]
        known[str(symbol)] = np.array(values if used else [float(formula)] * 40, float)
    outputs = [known[f"y_{index}"] for index in range(1, example(name).network.spec.num_outputs + 1)]
    assert_computes(name, weight, np.stack(outputs, axis=-1))


@each_small_weight
def test_every_line_can_be_set(name, weight):
    lines = latex.render(model(name, weight is not None)).splitlines()
    begin, end = lines.index(r"\begin{align*}"), lines.index(r"\end{align*}")
    assert all(line.startswith("%") for line in lines[:begin])
    for line in lines[begin + 1 : end]:
        MathTextParser("agg").parse("$" + line.strip().removesuffix(r"\\").replace("&", "") + "$")
    assert end - begin - 1 < sum(1 for _ in model(name, weight is not None).topology.nodes)
