"""The sheet that a network is drawn on: how large it is, and where on it everything goes, in inches.

In: a `Layout`, names, what has to be written beside it. Out: a `Sheet`.
"""

import dataclasses
from functools import cache

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from wann_jax.report.drawing.layout import Layout

FONT = [
    "DejaVu Sans",
    "sans-serif",
]  # the first comes with matplotlib, and has the Greek letters and dots that names need
MARGIN = 0.35  # inches, around all
_TITLE = 0.5
_LEAST_WIDTH, _MOST_HEIGHT = 6.4, 40.0
TITLE_SIZE, FACTS_SIZE, _MOST_SIZE = 15.0, 10.0, 11.0  # points; the last of names
_IMAGE_WIDTH = 13.0
_MOST_RADIUS, _TOUCHING = 0.19, 0.41  # of a node; as a share of the least distance of two


@dataclasses.dataclass(frozen=True)
class Sheet:
    """Sizes in inches; y grows downward."""

    width: float
    height: float
    left: float  # of the network's own rectangle
    top: float
    inner_width: float
    inner_height: float
    radius: float  # of a computed node
    font_size: float  # of names, points

    @property
    def output_radius(self) -> float:
        """Outputs can be seen however many nodes there are."""
        return max(self.radius, 0.09)

    def at(self, points: np.ndarray) -> np.ndarray:
        """Places on the sheet [..., 2] of places in the unit square."""
        return np.array([self.left, self.top]) + points * np.array([self.inner_width, self.inner_height])


def sheet_for(layout: Layout, inputs: list[str], outputs: list[str], title: str, beside: float, below: float) -> Sheet:
    """A sheet on which nothing is cut off.

    Args:
        layout: places in the unit square.
        inputs: what is written left of the network.
        outputs: what is written right of it.
        title: what is written above.
        beside: inches that are needed right of that.
        below: inches that are needed for legends.
    """
    if layout.pixel is not None:
        width, height = _IMAGE_WIDTH, _IMAGE_WIDTH / layout.aspect
    else:
        width = max(layout.columns * float(np.clip(9.5 / max(layout.columns, 1), 0.34, 1.5)), 2.4)
        height = min(max(layout.rows * float(np.clip(6.0 / layout.rows, 0.21, 0.62)), 0.9), _MOST_HEIGHT)
    radius = min(_MOST_RADIUS, _TOUCHING * _least_distance(layout, width, height))
    size = min(0.62 * 72 * height * layout.gap, _MOST_SIZE)
    left = MARGIN + radius + max((text_width(name, size) + 0.16 for name in inputs), default=0.0)
    right = MARGIN + max(radius, 0.09) + max(text_width(name, size) + 0.16 for name in outputs) + beside
    top, edge = MARGIN + _TITLE, max(radius, 0.1)
    least = max(_LEAST_WIDTH, text_width(title, TITLE_SIZE, "bold") + 2 * MARGIN)
    missing = max(least - left - width - right, 0.0)
    return Sheet(
        left + width + right + missing,
        top + height + 2 * edge + below + MARGIN,
        left + missing / 2,
        top + edge,
        width,
        height,
        radius,
        size,
    )


def _least_distance(layout: Layout, width: float, height: float) -> float:
    """Inches between the two nodes that stand nearest to each other; pixels do not count."""
    is_node = layout.is_drawn if layout.pixel is None else layout.is_drawn & (layout.layer > 0)
    places = np.stack([layout.x * width, layout.y * height], axis=1)[is_node]
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    return float(apart[np.triu_indices(len(places), 1)].min(initial=1.0))


@cache
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Inches."""
    if not text.strip():
        return 0.0
    path = TextPath((0, 0), text, size=size, prop=FontProperties(family=FONT, weight=weight))
    return float(path.get_extents().x1) / 72
