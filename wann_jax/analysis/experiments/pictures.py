"""What pictures of experiments share: arms as lines of means with intervals, in colours by arm.

In: axes, figures for each seed. Out: the axes, drawn on.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from wann_jax.analysis.experiments.statistics import Values, summary


def colours_of(arms: Iterable[str]) -> dict[str, str]:
    """A colour for each arm, in their order."""
    return {arm: f"C{index}" for index, arm in enumerate(dict.fromkeys(arms))}


def draw_means(axes: Axes, places: Sequence[float] | Sequence[int], values: Sequence[Values], **style: Any) -> None:
    """Interquartile means over seeds at each place, joined, with their intervals of 95 %."""
    ends = [summary(each) for each in values]
    errors = np.array([(end["mean"] - end["low"], end["high"] - end["mean"]) for end in ends]).T
    style = dict[str, Any](marker="o", markersize=4, capsize=3, linewidth=1.3) | style
    axes.errorbar(places, [end["mean"] for end in ends], np.maximum(errors, 0.0), **style)
