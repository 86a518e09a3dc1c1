"""Curves: how a search learned, what a shared weight is worth, how tuning went.

In: a history, a sweep (analysis/sweeping.py), the looks of a tuning. Out: figures that no window belongs to; or
lines in axes of the caller's.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.evolution.metrics import GenerationMetrics

BLUE, ORANGE, GREEN, GREY = "#1f5fa8", "#d9822b", "#4f8a3c", "#8a8a8a"
_SIZE = (6.4, 3.6)  # inches


class Plot(Figure):
    """A figure that a notebook shows, whether or not it knows matplotlib's."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=100)
        return file.getvalue()


def plot_search(history: GenerationMetrics) -> Figure:
    """Best, median and champion by generation; on an axis of their own the connections of the best individual."""
    figure, axes = _empty("generation", "mean return under the shared weights")
    scores = np.asarray(history.champion_score, float)
    judged = np.where(np.isfinite(scores), scores, np.nan)  # before the first judgement there is no score
    lines = [
        *axes.plot(history.generation, history.return_max, color=BLUE, linewidth=1.2, label="best"),
        *axes.plot(history.generation, history.return_median, color=ORANGE, linewidth=1.2, label="median"),
        *axes.plot(history.generation, judged, color=GREEN, linewidth=1.8, label="champion, held out"),
    ]
    sizes = axes.twinx()
    lines += sizes.plot(
        history.generation,
        history.best_connections,
        color=GREY,
        linewidth=1.0,
        linestyle=":",
        label="connections of the best",
    )
    for axis in (axes.xaxis, sizes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    sizes.set_ylabel("connections", color=GREY)
    sizes.tick_params(colors=GREY)
    sizes.spines["top"].set_visible(False)
    figure.legend(handles=lines, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def plot_sweep(sweep: dict[str, Any], title: str = "") -> Figure:
    """The score against the shared weight."""
    figure, axes = _empty("shared weight", sweep["name"])
    draw_sweep(axes, sweep)
    axes.set_title(title, fontsize=10)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def draw_sweep(axes: Axes, sweep: dict[str, Any]) -> None:
    """A sweep's curve, its tenths as a band, the published weights as points, the level of tuned weights."""
    weights, middle = np.array(sweep["weights"]), np.array(sweep["middle"], float)
    is_spread = sweep["low"] is not None
    if is_spread:
        band = (np.array(sweep["low"], float), np.array(sweep["high"], float))
        axes.fill_between(weights, *band, color=BLUE, alpha=0.2, linewidth=0, label="middle 80 % of episodes")
    axes.plot(weights, middle, color=BLUE, linewidth=1.5, label="median" if is_spread else sweep["name"])
    published = np.isclose(weights[:, None], PUBLISHED_WEIGHTS).any(1)
    axes.plot(weights[published], middle[published], "o", color=BLUE, markersize=5, label="the six weights of searches")
    if sweep["tuned"] is not None:
        axes.axhline(sweep["tuned"], color=GREY, linestyle="--", linewidth=1.2, label="tuned weights")


def plot_tuning(curve: Sequence[dict[str, Any]]) -> Figure:
    """Scores at each look, and the best so far."""
    figure, axes = _empty("step", "held-out score")
    steps = [look["step"] for look in curve]
    axes.plot(steps, [look["score"] for look in curve], color=ORANGE, linewidth=1.2, label="at this step")
    axes.plot(steps, [look["best"] for look in curve], color=BLUE, linewidth=1.5, label="best so far")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure


def empty_figure(columns: int) -> tuple[Figure, list[Axes]]:
    """A figure with so many axes side by side."""
    figure = Plot(figsize=(_SIZE[0] * (0.5 + 0.5 * columns), _SIZE[1]), layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(1, columns, column + 1) for column in range(columns)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _empty(x: str, y: str) -> tuple[Figure, Axes]:
    figure, (axes,) = empty_figure(1)
    axes.set(xlabel=x, ylabel=y)
    return figure, axes
