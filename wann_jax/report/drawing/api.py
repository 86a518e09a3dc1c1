"""Drawings of networks.

In: a network, or the name of a file that holds one. Out: a `Drawing`, which saves itself as a picture or as a graph,
and shows itself in a notebook.
"""

import dataclasses
import io
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from wann_jax.errors import ConfigError, require, unknown
from wann_jax.files import StrPath, write_atomically
from wann_jax.networks.files import load_info, load_network, load_weights
from wann_jax.networks.layered import Topology
from wann_jax.networks.network import Network
from wann_jax.report.drawing.ancestry import part_of
from wann_jax.report.drawing.graphs import as_dot, as_graphml
from wann_jax.report.drawing.layout import Layout, layout
from wann_jax.report.drawing.painting import Subject, paint
from wann_jax.report.drawing.sketch import is_large, num_connections, sketch
from wann_jax.tasks.labels import Labels
from wann_jax.tasks.registry import find_spec, known_task, labels_of

PICTURES, GRAPHS = (".svg", ".png", ".pdf"), (".dot", ".graphml")
_PIXELS_PER_INCH = 160
_LONGEST_TITLE = 60
# Names are no formulas, whatever a user has set; words in pictures stay words.
_STYLE: Any = {"text.parse_math": False, "text.usetex": False, "svg.fonttype": "none", "pdf.fonttype": 42}
_STYLE |= {"svg.hashsalt": "wann_jax"}  # the same network, the same bytes


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A network that can be looked at: in a notebook as it is, elsewhere once it is saved."""

    topology: Topology
    labels: Labels
    weights: np.ndarray | None  # [C], in the order of the topology's connections
    title: str
    highlight: int | None  # index of an output

    def __repr__(self) -> str:
        return f"Drawing({self.title!r}, {self.topology.num_connections} connections)"

    @cached_property
    def part(self) -> tuple[Topology, Labels]:
        """What feeds the highlighted output, and its names; without one, everything."""
        if self.highlight is None:
            return self.topology, self.labels
        name = self.labels.outputs[self.highlight]
        return part_of(self.topology, self.highlight), dataclasses.replace(self.labels, outputs=(name,))

    @cached_property
    def shown(self) -> tuple[Topology, Labels]:
        """What there is to see: of a large network only what feeds the highlighted output."""
        return self.part if is_large(self.topology) else (self.topology, self.labels)

    @cached_property
    def layout(self) -> Layout:
        """Where nodes stand."""
        return layout(*self.shown)

    def figure(self) -> Figure:
        """The picture, for matplotlib."""
        topology, labels = self.shown
        highlight = None if topology is not self.topology else self.highlight
        looks = sketch(topology, self.weights, highlight, labels.image is not None)
        with rc_context(_STYLE):
            return paint(Subject(topology, labels, self.layout, looks, self.title, self._facts()))

    def _facts(self) -> str:
        whole, depth = self.topology, int(self.layout.layer.max())
        total = num_connections(whole)
        if self.highlight is None:
            return f"{total} live connections  ·  {whole.num_hidden} hidden nodes  ·  depth {depth}"
        part, _ = self.part
        counts = f"{num_connections(part)} of {total} live connections"
        hidden = f"{part.num_hidden} of {whole.num_hidden} hidden nodes"
        return f"output {self.labels.outputs[self.highlight]}  ·  {counts}  ·  {hidden}  ·  depth {len(part.layers)}"

    def save(self, path: StrPath) -> None:
        """Writes a file, whole or not at all: .svg, .png, .pdf are pictures, .dot and .graphml graphs.

        Raises ConfigError for another ending, OSError if the file cannot be written.
        """
        target = Path(os.path.expanduser(path))
        check_ending("path", target)
        if target.suffix in GRAPHS:
            write = as_dot if target.suffix == ".dot" else as_graphml
            content = write(*self.part, self.weights, self.title).encode()
        else:
            content = self._picture(target.suffix[1:])
        write_atomically(target, content)

    def _picture(self, kind: str) -> bytes:
        buffer = io.BytesIO()
        facts = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": None}[kind]
        with rc_context(_STYLE):
            self.figure().savefig(buffer, format=kind, dpi=_PIXELS_PER_INCH, metadata=facts)
        content = buffer.getvalue()
        return _shortened(content.decode()).encode() if kind == "svg" else content

    def svg(self) -> str:
        """The picture, to be put into a page."""
        return self._picture("svg").decode()

    def _repr_svg_(self) -> str | None:
        """For a notebook, of a network that is not large."""
        return None if is_large(self.shown[0]) else self.svg()

    def _repr_png_(self) -> bytes | None:
        """For a notebook, of a large network: lines by the thousand would slow it down."""
        return self._picture("png") if is_large(self.shown[0]) else None


def _shortened(svg: str) -> str:
    """The same lines, to a hundredth of a point."""
    return re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)


def check_ending(field: str, path: Path) -> None:
    """Raises ConfigError, which names the field, unless a drawing can be saved under this name."""
    kinds = (*PICTURES, *GRAPHS)
    require(path.suffix in kinds, field, f"a name that ends in {', '.join(kinds)}", str(path))


def draw(
    network: Network | StrPath,
    task: str | None = None,
    weights: np.ndarray | Literal[False] | None = None,
    highlight: str | int | None = None,
) -> Drawing:
    """A drawing of one network, layered from left to right.

    Args:
        network: a compiled network, or a run directory, a network file or a name of the zoo.
        task: a name from `wann tasks`, which knows the names of inputs and outputs; default: the one that the file
            names, else they are numbered.
        weights: [C] tuned weights, in the order of the network's connections; default: those in the file, if it has
            any; False: none.
        highlight: the name or the index of an output. What does not feed it is drawn faintly, or not at all where the
            network is large.

    Returns:
        The drawing: `save(path)` writes .svg, .png, .pdf, .dot or .graphml, `figure()` gives matplotlib's figure, and a
        notebook shows it.

    Raises:
        ConfigError: for an unknown task or output, or weights that do not fit.
        DataError: for whatever is wrong with the file.
    """
    title = "network" if task is None else task
    if not isinstance(network, Network):
        path = network
        known = known_task(load_info(path).get("task")) if task is None else task
        sizes = (None, None) if _is_ours(path) else _sizes(known, path)
        network = load_network(path, *sizes)
        weights = load_weights(path, *sizes) if weights is None else weights
        title, task = Path(os.path.expanduser(path)).resolve().stem, known
    title = title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"
    topology = Topology.of(network)
    if weights is False:
        weights = None
    if weights is not None:
        weights = np.asarray(weights)
        fits = weights.shape == (topology.num_connections,) and bool(np.isfinite(weights).all())
        require(fits, "weights", f"{topology.num_connections} finite numbers, one per connection", weights.shape)
    labels = labels_of(task, topology.num_inputs, len(topology.outputs))
    return Drawing(topology, labels, weights, title, _output(highlight, labels.outputs))


def _is_ours(path: StrPath) -> bool:
    """A matrix, which does not tell its sizes, is a file that ends otherwise."""
    source = Path(os.path.expanduser(path))
    return not source.is_file() or source.suffix == ".json"


def _sizes(task: str | None, path: StrPath) -> tuple[int, int]:
    """Numbers of inputs and outputs by their names. Raises ConfigError where a task has none."""
    labels = Labels() if task is None else find_spec(task).labels(task.partition(":")[2])
    inputs = labels.image[0] * labels.image[1] if labels.image else len(labels.inputs)
    rule = f"one that names its inputs and outputs: the matrix file {str(path)!r} does not tell how many there are"
    require(inputs > 0 and len(labels.outputs) > 0, "task", rule, task)
    return inputs, len(labels.outputs)


def _output(wanted: str | int | None, names: tuple[str, ...]) -> int | None:
    """The index of an output called by name, or by index. Raises ConfigError for one that is not there."""
    if wanted is None:
        return None
    if wanted in names:
        return names.index(str(wanted))
    index = int(wanted) if str(wanted).isdecimal() else -1
    if not 0 <= index < len(names):
        raise ConfigError(unknown("highlight", wanted, names))
    return index
