"""Observations as curves over time, for environments that have no picture of their own.

In: what a network saw, step after step, and the names of its inputs. Out: curves up to one step; of many inputs a map.
"""

import numpy as np
from matplotlib.figure import FigureBase

_MOST_CURVES = 10


def draw(figure: FigureBase, observations: np.ndarray, names: tuple[str, ...], step: int) -> None:
    """What was seen [T, I] up to a step, within limits that hold for all of it."""
    has_names = len(names) <= _MOST_CURVES
    axes = figure.add_axes((0.1, 0.14, 0.63 if has_names else 0.87, 0.74))
    axes.tick_params(labelsize=8)
    length = len(observations)
    seen = np.where(np.arange(length)[:, None] <= step, observations, np.nan)
    low, high = float(observations.min()), float(observations.max())
    if not has_names:
        place = (0.5, length + 0.5, len(names) - 0.5, -0.5)
        axes.imshow(seen.T, extent=place, aspect="auto", interpolation="nearest", cmap="viridis", vmin=low, vmax=high)
        axes.set(ylabel="input", xlabel="step")
        return
    margin = 0.05 * (high - low or 1.0)
    for index, name in enumerate(names):
        axes.plot(np.arange(1, length + 1), seen[:, index], linewidth=1.2, label=name)
    axes.axvline(step + 1, color="#8a8a8a", linewidth=0.8)
    axes.set(xlim=(0, length + 1), ylim=(low - margin, high + margin), xlabel="step")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8)
