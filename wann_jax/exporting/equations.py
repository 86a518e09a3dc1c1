"""What a network computes, node by node, as text that Python and C share.

In: a model. Out: names that both languages take, and one line for each node: its name, its activation, its sum.
"""

import keyword
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from wann_jax.exporting.model import Model

_C_WORDS = """auto bool break case char const default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while"""
# What the files themselves call things.
_OWN_WORDS = "bias inputs weight outputs network np step sin_pi cos_pi gaussian sigmoid relu main"
_TAKEN = frozenset([*_C_WORDS.split(), *_OWN_WORDS.split(), *keyword.kwlist])


class Equation(NamedTuple):
    """A computed node: `name` = activation(`total`)."""

    name: str
    activation: int
    total: str  # a sum, or a product with one; may be of several lines within brackets


def names(model: Model) -> list[str]:
    """An identifier for each number: bias, inputs, then computed nodes; those of inputs and outputs say what they are.
    All are different."""
    topology, labels = model.topology, model.labels
    inputs = labels.inputs
    if labels.image:
        inputs = tuple(f"pixel {index // labels.image[1]} {index % labels.image[1]}" for index in range(len(inputs)))
    found = {0: "bias"} | {1 + index: _identifier(label, "in") for index, label in enumerate(inputs)}
    found |= {n: _identifier(label, "out") for n, label in zip(topology.outputs, labels.outputs, strict=True)}
    hidden = [n for n in range(model.first, model.first + len(topology.nodes)) if n not in found]
    found |= {number: f"h{index}" for index, number in enumerate(hidden, 1)}
    return _distinct(found[number] for number in sorted(found))


def equations(model: Model, called: list[str], number: Callable[[float], str]) -> Iterator[Equation]:
    """In the order of evaluation; `number` writes a weight in the language at hand."""
    for name, node in zip(called[model.first :], model.topology.nodes, strict=True):
        sources = [called[source] for source in node.sources]
        if not sources:
            total = f"{number(0.0)} * bias"  # of the shape of all others
        elif model.weights is None:
            total = f"weight * {sources[0]}" if len(sources) == 1 else f"weight * ({' + '.join(sources)})"
        else:
            pairs = zip(model.weights_of(node), sources, strict=True)
            terms = [f"{'-' if weight < 0 else '+'} {number(abs(weight))} * {source}" for weight, source in pairs]
            total = " ".join(terms).removeprefix("+ ").replace("- ", "-", terms[0][0] == "-")
        yield Equation(name, node.activation, total)


def folded(line: str, deeper: str = "    ") -> str:
    """A long statement on several lines; the language must take that."""
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(line, 110, subsequent_indent=indent + deeper, break_long_words=False, break_on_hyphens=False)


def _identifier(label: str, otherwise: str) -> str:
    """A task's word in ASCII: cos θ becomes cos_theta, ẋ x_dot, the digit 3 out_3."""
    words = []
    for letter in unicodedata.normalize("NFKD", label):
        name = unicodedata.name(letter, "")
        if letter == "\N{COMBINING DOT ABOVE}":
            words.append("_dot")
        elif name.startswith("GREEK SMALL LETTER"):
            words.append(name.split()[-1].lower())
        else:
            words.append(letter if letter.isascii() and letter.isalnum() else "_")
    text = re.sub("_+", "_", "".join(words)).strip("_")
    return text if text[:1].isalpha() else f"{otherwise}_{text}".rstrip("_")


def _distinct(wanted: Iterable[str]) -> list[str]:
    """The same names, those that are taken by something before them with a number behind."""
    found: dict[str, None] = {}
    for index, name in enumerate(wanted):
        taken = name in found or (index > 0 and name in _TAKEN)
        while taken:
            name = f"{name}_{index}"
            taken = name in found or name in _TAKEN
        found[name] = None
    return list(found)
