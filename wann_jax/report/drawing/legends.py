"""What stands below a drawing: which curve is which activation, what widths and colours of lines mean.

In: what the drawing shows. Out: entries, and their places in rows.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, PathPatch

from wann_jax.genomes.activation_ids import ACTIVATION_NAMES
from wann_jax.report.drawing.canvas import FONT, text_width
from wann_jax.report.drawing.curves import placed_path
from wann_jax.report.drawing.icons import COLOURS, GREY, INK, NEGATIVE, POSITIVE, curve, tinted, zero_height

SIZE = 9.0  # points
ROW = 0.36  # inches
_RADIUS, _LINE, _SPACE = 0.12, 0.42, 0.3


@dataclasses.dataclass(frozen=True)
class Entry:
    """A sign and its words."""

    text: str
    sign_width: float  # inches
    paint: Callable[[Axes, float, float], None]  # the sign, from its left end and middle

    @property
    def width(self) -> float:
        """Inches, with the space behind it."""
        return self.sign_width + 0.08 + text_width(self.text, SIZE) + _SPACE


def activation_entries(activations: list[int], coloured: bool) -> list[Entry]:
    """One for each activation; grey where colours mean something else."""

    def paint(activation: int) -> Callable[[Axes, float, float], None]:
        return lambda axes, x, y: paint_node(
            axes, np.array([x + _RADIUS, y]), _RADIUS, activation, COLOURS[activation] if coloured else GREY
        )

    return [Entry(ACTIVATION_NAMES[each], 2 * _RADIUS, paint(each)) for each in activations]


def paint_node(axes: Axes, middle: np.ndarray, radius: float, activation: int, colour: str, width: float = 1.1) -> None:
    """A circle with the activation's curve in it."""
    axes.add_patch(Circle(tuple(middle), radius, fc=tinted(colour, 0.16), ec=colour, lw=width, zorder=4))
    path = placed_path(curve(activation), middle, radius)
    zero = middle[1] - zero_height(activation) * radius
    axes.plot(
        [middle[0] - 0.7 * radius, middle[0] + 0.7 * radius],
        [zero, zero],
        color=tinted(colour, 0.5),
        lw=0.8,
        zorder=4.5,
    )
    axes.add_patch(PathPatch(path, fc="none", ec=colour, lw=1.2 * width, capstyle="round", zorder=5))


def line_entry(text: str, colours: list[str], width: float) -> Entry:
    """A line of that width, in parts of these colours."""

    def paint(axes: Axes, x: float, y: float) -> None:
        ends = np.linspace(x, x + _LINE, len(colours) + 1)
        for colour, start, end in zip(colours, ends[:-1], ends[1:], strict=True):
            axes.plot([start, end], [y, y], color=colour, lw=width, solid_capstyle="butt", zorder=3)

    return Entry(text, _LINE, paint)


def weight_entries(values: np.ndarray, scale: float | None, widths: tuple[float, float], coloured: bool) -> list[Entry]:
    """Lines of small and of great weights, of those signs that occur; of one weight where all are the same."""
    least, most = widths
    if scale is None:
        return [line_entry(f"every weight {values[0]:.3g}", [GREY], most)]
    if not coloured:
        return [line_entry("small weight", [GREY], least), line_entry(f"|weight| ≥ {scale:.2g}", [GREY], most)]
    entries = []
    if (values < 0).any():
        entries.append(line_entry(f"weight ≤ -{scale:.2g}", [NEGATIVE], most))
        entries.append(line_entry("below 0", [NEGATIVE], least))
    if (values > 0).any():
        entries.append(line_entry("above 0", [POSITIVE], least))
        entries.append(line_entry(f"weight ≥ {scale:.2g}", [POSITIVE], most))
    return entries


def rows_of(groups: list[list[Entry]], width: float) -> list[list[Entry]]:
    """Each group from a new row on; rows that are no wider than `width` where that can be."""
    rows: list[list[Entry]] = []
    for group in groups:
        row: list[Entry] = []
        for entry in group:
            if row and sum(each.width for each in row) + entry.width - _SPACE > width:
                rows.append(row)
                row = []
            row.append(entry)
        rows += [row] if row else []
    return rows


def paint_rows(axes: Axes, rows: list[list[Entry]], left: float, top: float, width: float) -> None:
    """Rows one below the other, each in the middle."""
    for index, row in enumerate(rows):
        x = left + (width - sum(entry.width for entry in row) + _SPACE) / 2
        y = top + (index + 0.5) * ROW
        for entry in row:
            entry.paint(axes, x, y)
            words = x + entry.sign_width + 0.08
            axes.text(words, y, entry.text, fontsize=SIZE, family=FONT, color=INK, va="center_baseline")
            x += entry.width
