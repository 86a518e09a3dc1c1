"""Connections as smooth lines from left to right, and the curves inside nodes.

In: places in inches. Out: paths for matplotlib.
"""

import numpy as np
from matplotlib.path import Path

from wann_jax.report.drawing.routing import slopes


def smooth_path(points: np.ndarray) -> Path:
    """A line through the points [n, 2], whose x grow, that leaves and arrives level and never overshoots."""
    steps, slope = np.diff(points, axis=0), slopes(*points.T)
    third = steps[:, 0] * (0.46 if len(points) == 2 else 1 / 3)
    ways = np.stack([third, np.zeros_like(third)], axis=1)
    leaving = points[:-1] + ways + np.stack([np.zeros_like(third), third * slope[:-1]], axis=1)
    arriving = points[1:] - ways - np.stack([np.zeros_like(third), third * slope[1:]], axis=1)
    vertices = np.concatenate([points[:1], np.stack([leaving, arriving, points[1:]], axis=1).reshape(-1, 2)])
    return Path(vertices, [Path.MOVETO] + [Path.CURVE4] * (len(vertices) - 1))


def placed_path(curve: np.ndarray, middle: np.ndarray, radius: float) -> Path:
    """A curve of the unit circle, y upward, in a circle in the drawing, where y grows downward."""
    return Path(middle + curve * [radius, -radius])
