"""Small networks as formulas in LaTeX, by way of SymPy (extra `sympy`).

In: a model. Out: an environment `align*` for a paper. A node that several others read has a name, and so has one whose
formula is long; all others stand where they are read.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter

from wann_jax.exporting.model import Model
from wann_jax.genomes.activation_ids import ABS, COS, GAUSSIAN, INVERSE, LINEAR, RELU, SIGMOID, SIN, STEP, TANH

_LONGEST = 8  # operations of a formula that stands within another

_FUNCTIONS: dict[int, Callable[[Any], Any]] = {
    LINEAR: lambda v: v,
    STEP: lambda v: sympy.Heaviside(v, 0),
    SIN: lambda v: sympy.sin(sympy.pi * v),
    GAUSSIAN: lambda v: sympy.exp(-(v**2) / 2),
    TANH: sympy.tanh,
    SIGMOID: lambda v: 1 / (1 + sympy.exp(-v)),
    INVERSE: lambda v: -v,
    ABS: sympy.Abs,
    RELU: lambda v: sympy.Max(v, 0),
    COS: lambda v: sympy.cos(sympy.pi * v),
}


class _Printer(LatexPrinter):
    """SymPy's, but for the step, which it calls theta."""

    def _print_Heaviside(self, expr: Any, exp: Any = None) -> str:  # noqa: N802  (SymPy's name)
        text = rf"\operatorname{{step}}\left({self._print(expr.args[0])}\right)"
        return text if exp is None else rf"{text}^{{{exp}}}"


def formulas(model: Model) -> Iterator[tuple[sympy.Symbol, Any]]:
    """Names and what they stand for, in the order of evaluation: h_1 and on, then outputs y_1 to y_O.

    Formulas are of w, the shared weight, inputs x_1 to x_I, and names before.
    """
    topology = model.topology
    readers = Counter(source for node in topology.nodes for source in node.sources)
    places = {number: index for index, number in enumerate(topology.outputs, 1)}
    values: list[Any] = [sympy.Integer(1), *(sympy.Symbol(f"x_{n}") for n in range(1, model.first))]
    count = 0
    for number, node in enumerate(topology.nodes, model.first):
        formula = _FUNCTIONS[node.activation](_total(model, node, values))
        if number not in places and (readers[number] == 1 and formula.count_ops() <= _LONGEST):
            values.append(formula)
            continue
        count += number not in places
        values.append(sympy.Symbol(f"y_{places[number]}" if number in places else f"h_{count}"))
        yield values[-1], formula


def _total(model: Model, node: Any, values: list[Any]) -> Any:
    terms = [values[source] for source in node.sources]
    if model.weights is None:
        return sympy.Mul(sympy.Symbol("w"), sympy.Add(*terms))
    numbers = [sympy.Float(str(weight), 9) for weight in model.weights_of(node)]
    return sympy.Add(*(number * term for number, term in zip(numbers, terms, strict=True)))


def render(model: Model) -> str:
    """The file's text."""
    printer = _Printer({"fold_func_brackets": False})
    lines = [f"% {line}" for line in model.facts]
    for letter, labels in (("x", model.labels.inputs), ("y", model.labels.outputs)):
        lines += [f"% {letter}_{index}: {label}" for index, label in enumerate(labels, 1)]
    lines += ["% w: the weight that all connections share"] if model.weights is None else []
    rows = [f"  {printer.doprint(name)} &= {printer.doprint(formula)}" for name, formula in formulas(model)]
    body = " \\\\\n".join(rows)
    return "\n".join([*lines, r"% needs \usepackage{amsmath}", r"\begin{align*}", body, r"\end{align*}", ""])
