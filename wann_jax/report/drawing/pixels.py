"""Images in drawings: how often each pixel is read, and where each output looks.

In: a topology whose inputs are pixels, and places on the sheet. Out: heat maps on it.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from wann_jax.networks.layered import Topology
from wann_jax.report.drawing.ancestry import influence, readers
from wann_jax.report.drawing.canvas import FONT, MARGIN, Sheet
from wann_jax.report.drawing.icons import INK, OUTPUT_COLOURS

THUMB = 0.6  # inches: most of the side of an output's small picture
_NOTHING = "#f4f6f8"
_HEAT = LinearSegmentedColormap.from_list("heat", [_NOTHING, "#fde0a6", "#f59e0b", "#b45309", "#451a03"])
_WORDS: dict[str, Any] = {"fontsize": 9, "family": FONT, "color": INK, "va": "baseline"}
_RAMP = np.linspace(0.0, 1.25, 26)  # inches from its left end


def paint_image(axes: Axes, topology: Topology, image: tuple[int, int], places: np.ndarray, side: float) -> None:
    """Pixels, shaded by how many connections read them, and above them what shades tell.

    Args:
        axes: the sheet, in inches.
        topology: the network's.
        image: rows and columns.
        places: [nodes, 2] on the sheet.
        side: of a pixel.
    """
    rows, columns = image
    counts = readers(topology)[1 : 1 + rows * columns].reshape(image)
    most = max(int(counts.max()), 1)
    left, top = places[1] - side / 2
    ends = left + side * np.arange(columns + 1), top + side * np.arange(rows + 1)
    looks: dict[str, Any] = {
        "cmap": _HEAT,
        "vmin": 0,
        "vmax": most,
        "edgecolors": "white",
        "linewidth": 0.6,
        "zorder": 1,
    }
    axes.pcolormesh(*ends, counts, **looks)
    axes.text(left, top - 0.38, "connections that read each pixel", **_WORDS)
    axes.pcolormesh(left + 0.2 + _RAMP, top - np.array([0.28, 0.16]), np.linspace(0, 1, 25)[None], cmap=_HEAT)
    axes.text(left, top - 0.17, "0", **_WORDS)
    axes.text(left + 0.28 + _RAMP[-1], top - 0.17, str(most), **_WORDS)


def paint_looks(axes: Axes, topology: Topology, image: tuple[int, int], places: np.ndarray, sheet: Sheet) -> None:
    """Beside each output a small picture: how likely a way back from it ends at each pixel, as square roots.

    Args:
        axes: the sheet, in inches.
        topology: the network's.
        image: rows and columns.
        places: [nodes, 2] on the sheet.
        sheet: its sizes.
    """
    outputs, (rows, columns) = list(topology.outputs), image
    shares = influence(topology)[:, 1 : 1 + rows * columns]
    side = min(THUMB, 0.86 * float(np.diff(places[outputs, 1]).min()))
    left = sheet.width - MARGIN - THUMB
    for index, number in enumerate(outputs):
        top = places[number, 1] - side / 2
        shades = [_NOTHING, OUTPUT_COLOURS[index % len(OUTPUT_COLOURS)]]
        cmap = LinearSegmentedColormap.from_list("share", shades)
        picture = np.sqrt(shares[index] / max(shares[index].max(), 1e-12)).reshape(image)
        axes.imshow(picture, cmap=cmap, vmin=0, vmax=1, extent=(left, left + side, top + side, top), zorder=3)
    axes.set(xlim=(0, sheet.width), ylim=(sheet.height, 0))  # pictures change them
    axes.text(left + side, sheet.top - 0.12, "where each looks", ha="right", **_WORDS)
