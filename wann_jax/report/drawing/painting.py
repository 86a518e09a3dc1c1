"""A network's picture.

In: what is drawn and how it looks. Out: a matplotlib figure; nothing of pyplot's state is touched.
"""

import dataclasses
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import EllipseCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.path import Path

from wann_jax.networks.layered import Topology
from wann_jax.report.drawing.canvas import FACTS_SIZE, FONT, MARGIN, TITLE_SIZE, Sheet, sheet_for, text_width
from wann_jax.report.drawing.curves import placed_path, smooth_path
from wann_jax.report.drawing.icons import FAINT, GREY, INK, OUTPUT_COLOURS, curve, tinted, zero_height
from wann_jax.report.drawing.layout import Layout
from wann_jax.report.drawing.legends import ROW, activation_entries, line_entry, paint_rows, rows_of, weight_entries
from wann_jax.report.drawing.pixels import THUMB, paint_image, paint_looks
from wann_jax.report.drawing.sketch import Sketch
from wann_jax.tasks.labels import Labels

_LEAST_CURVE, _FINE_CURVE = 0.055, 0.11  # inches: in smaller nodes no curve can be seen, or no more than a few points


@dataclasses.dataclass(frozen=True)
class Subject:
    """All that is known of the network drawn."""

    topology: Topology
    labels: Labels
    layout: Layout
    sketch: Sketch
    title: str
    facts: str  # behind the title


def paint(subject: Subject) -> Figure:
    """The picture."""
    topology, layout = subject.topology, subject.layout
    many = len(topology.outputs) > 1 and layout.pixel is not None
    names = [subject.labels.inputs[at] for at in range(topology.num_inputs) if layout.is_drawn[1 + at]]
    names = [*names, "bias"] if layout.is_drawn[0] and layout.pixel is None else names
    beside = THUMB + 0.14 if many else 0.0
    arguments = (layout, [] if layout.pixel else names, list(subject.labels.outputs), subject.title, beside)
    sheet = sheet_for(*arguments, 0.0)
    rows = rows_of(_legend(subject, sheet), sheet.width - 2 * MARGIN)
    sheet = sheet_for(*arguments, 0.24 + ROW * len(rows))
    figure = Figure((sheet.width, sheet.height), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, sheet.width), ylim=(sheet.height, 0))
    axes.set_axis_off()
    axes.set_aspect("equal")
    places = sheet.at(np.stack([layout.x, layout.y], axis=1))
    _paint_title(axes, subject, sheet)
    if layout.pixel is not None:
        side = layout.pixel[0] * sheet.inner_width
        paint_image(axes, topology, subject.labels.image or (0, 0), places, side)
    _paint_lines(axes, subject, sheet, places)
    _paint_nodes(axes, subject, sheet, places)
    _paint_names(axes, subject, sheet, places)
    if many:
        paint_looks(axes, topology, subject.labels.image or (0, 0), places, sheet)
    below = sheet.top + sheet.inner_height + max(sheet.radius, 0.1) + 0.24
    paint_rows(axes, rows, MARGIN, below, sheet.width - 2 * MARGIN)
    return figure


def _legend(subject: Subject, sheet: Sheet) -> list[list]:
    sketch, nodes = subject.sketch, subject.topology.nodes
    groups = []
    if sheet.radius >= _LEAST_CURVE or not sketch.is_by_output:
        groups.append(activation_entries(sorted({node.activation for node in nodes}), not sketch.is_by_output))
    if sketch.is_by_output:
        several = list(OUTPUT_COLOURS[: len(subject.topology.outputs)])
        words = "the output that a node feeds most"
        groups.append([line_entry(words, several, 2.4), line_entry("none gets a third", [GREY], 2.4)])
    if len(sketch.weights):
        shown = sketch.is_strong[sketch.ends].all(axis=1)
        widths = float(sketch.line_widths[shown].min()), float(sketch.line_widths.max())
        groups.append(weight_entries(sketch.weights, sketch.scale, widths, not sketch.is_by_output))
    return groups


def _paint_title(axes: Axes, subject: Subject, sheet: Sheet) -> None:
    style: dict[str, Any] = {"family": FONT, "va": "baseline"}
    axes.text(MARGIN, 0.5, subject.title, fontsize=TITLE_SIZE, weight="bold", color=INK, **style)
    behind = MARGIN + text_width(subject.title, TITLE_SIZE, "bold") + 0.2
    fits = behind + text_width(subject.facts, FACTS_SIZE) < sheet.width - MARGIN
    axes.text(*((behind, 0.5) if fits else (MARGIN, 0.74)), subject.facts, fontsize=FACTS_SIZE, color=GREY, **style)


def _paint_lines(axes: Axes, subject: Subject, sheet: Sheet, places: np.ndarray) -> None:
    """Connections: around nodes where there are few, straight to their ends where there are many."""
    sketch = subject.sketch
    paths = []
    for source, target in sketch.ends.tolist():
        bends = subject.layout.bends.get((source, target))
        between = [] if bends is None or sketch.is_large else [sheet.at(bends)]
        paths.append(smooth_path(np.concatenate([places[[source]], *between, places[[target]]])))
    order = np.lexsort((sketch.line_widths, sketch.is_strong[sketch.ends].all(axis=1)))  # the strong ones on top
    colours = [sketch.line_colours[at] for at in order]
    zorder = 0.5 if sketch.is_by_output else 2.0  # so many lines would hide an image
    lines = _lines(axes, [paths[at] for at in order], colours, sketch.line_widths[order], zorder)
    lines.set(alpha=sketch.line_strengths[order], gid="connections")


def _paint_nodes(axes: Axes, subject: Subject, sheet: Sheet, places: np.ndarray) -> None:
    sketch, layout, topology = subject.sketch, subject.layout, subject.topology
    first = 1 + topology.num_inputs
    shown = layout.is_drawn.copy()
    shown[1:first] &= layout.pixel is None
    strong = zip(sketch.node_colours, sketch.is_strong, strict=True)
    colours = [colour if is_strong else FAINT for colour, is_strong in strong]
    inputs = np.flatnonzero(shown[:first])
    of_inputs = [colours[number] for number in inputs]
    _circles(axes, places[inputs], np.full(len(inputs), min(0.075, sheet.radius)), of_inputs, of_inputs, 1.0).set_gid(
        "inputs"
    )
    nodes = np.arange(first, len(shown))
    is_output = np.isin(nodes, topology.outputs)
    radii = np.where(is_output, sheet.output_radius, sheet.radius)
    has_curve = radii >= _LEAST_CURVE
    fills = [tinted(colours[n], 0.16) if curved else colours[n] for n, curved in zip(nodes, has_curve, strict=True)]
    edges = [colours[n] if curved else "white" for n, curved in zip(nodes, has_curve, strict=True)]
    _circles(axes, places[nodes], radii, fills, edges, np.where(has_curve, 1.1, 0.4) + 1.2 * is_output).set_gid("nodes")
    zeros, paths = [], []
    curved = nodes[has_curve]
    for number, radius in zip(curved, radii[has_curve], strict=True):
        activation = topology.nodes[number - first].activation
        zero = np.array([[-0.7, zero_height(activation)], [0.7, zero_height(activation)]])
        zeros.append(placed_path(zero, places[number], radius))
        shape = curve(activation, 49 if radius > _FINE_CURVE else 17)
        paths.append(placed_path(shape, places[number], radius))
    width = float(np.clip(8 * sheet.radius, 0.6, 1.4))
    _lines(axes, zeros, [tinted(colours[n], 0.5) for n in curved], 0.6 * width, 4.5)
    _lines(axes, paths, [colours[n] for n in curved], width, 5.0)


def _lines(axes: Axes, paths: list[Path], colours: list[str], widths: Any, zorder: float) -> PathCollection:
    lines = PathCollection(paths, facecolors="none", edgecolors=colours, linewidths=widths)
    lines.set(capstyle="round", zorder=zorder, clip_on=False)
    axes.add_collection(lines, autolim=False)
    return lines


def _circles(
    axes: Axes, middles: np.ndarray, radii: np.ndarray, fills: list[str], edges: list[str], widths: Any
) -> EllipseCollection:
    collection = EllipseCollection(
        2 * radii, 2 * radii, np.zeros(len(middles)), units="xy", offsets=middles, transOffset=axes.transData
    )
    collection.set(facecolors=fills, edgecolors=edges, linewidths=widths, zorder=4, clip_on=False)
    axes.add_collection(collection, autolim=False)
    return collection


def _paint_names(axes: Axes, subject: Subject, sheet: Sheet, places: np.ndarray) -> None:
    labels, layout, sketch, topology = subject.labels, subject.layout, subject.sketch, subject.topology
    style: dict[str, Any] = {"fontsize": sheet.font_size, "family": FONT, "va": "center_baseline"}
    names = dict(enumerate(("bias", *labels.inputs) if layout.pixel is None else ("bias",)))
    for number, name in names.items():
        if layout.is_drawn[number]:
            colour = INK if number and sketch.is_strong[number] else GREY
            x, y = places[number]
            axes.text(x - 0.16, y, name, ha="right", color=colour, **style)
    for index, number in enumerate(topology.outputs):
        colour = OUTPUT_COLOURS[index % len(OUTPUT_COLOURS)] if sketch.is_by_output else INK
        x, y = places[number]
        axes.text(
            x + sheet.output_radius + 0.1,
            y,
            labels.outputs[index],
            color=colour if sketch.is_strong[number] else GREY,
            weight="bold" if sketch.is_by_output else "normal",
            **style,
        )
