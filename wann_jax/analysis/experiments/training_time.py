"""Is most training time wasted, as the idea of weight agnostic networks suggests?

Work until a validation accuracy is reached, searches included, in passes, multiply-adds and seconds: softmax
regression, a two-layer network, one pruned by magnitude, the paper's search (champions at their best shared weight),
the same tuned afterwards, graded networks by evolution and by gradient. Beside it what counts at inference: connections
of the last networks, and their test accuracy. Budgets of training are runs of their own, each with its whole schedule.
"""

from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.contestants import Contestants
from wann_jax.analysis.experiments.pictures import colours_of
from wann_jax.analysis.experiments.statistics import interquartile_mean
from wann_jax.analysis.experiments.students import PLANS
from wann_jax.errors import require_known
from wann_jax.report.plots import empty_figure

LEVELS = (0.90, 0.92, 0.94, 0.96)
SOFTMAX, SEARCHED = "softmax regression", "the paper's search"
# Their methods in Contestants, and whether these give all seeds at once.
ARMS = {
    SOFTMAX: ("softmax", True),
    "two layers": ("dense", True),
    "two layers, pruned": ("pruned", True),
    SEARCHED: ("search", False),
    "the same, tuned": ("tuned", False),
    "graded, by evolution": ("graded_search", False),
    "graded, by gradient": ("ternary", False),
}
TRAINED = (SOFTMAX, "two layers", "two layers, pruned")
QUICK = (SOFTMAX, SEARCHED)
MEASURES = ("passes", "multiply-adds", "seconds")


def run(record: Record, setting: Setting) -> Results:
    """Curves by arm and seed."""
    require_known("task", setting.task, PLANS)
    made, rows = Contestants(setting), []
    for arm in QUICK if setting.is_quick else ARMS:
        method, is_for_all = ARMS[arm]
        measure = getattr(made, method)
        if is_for_all:
            curves = record.measured(arm, lambda: [curve._asdict() for curve in measure()])  # noqa: B023 (at once)
        else:
            one = [partial(measure, seed) for seed in made.seeds]
            curves = [record.measured(f"{arm}, seed {seed}", lambda: one[seed]()._asdict()) for seed in made.seeds]  # noqa: B023 (at once)
        rows.append({"arm": arm, "curves": curves})
    return {"rows": rows}


def until(curve: list[list[float]], level: float, measure: int) -> float:
    """Work at the first point of a curve that reaches a level; infinite if none does."""
    return min((point[measure] for point in curve if point[-1] >= level), default=np.inf)


def reached(row: dict[str, Any], level: float, measure: int) -> float:
    """The median over seeds."""
    return float(np.median([until(curve["points"], level, measure) for curve in row["curves"]]))


def draw(results: Results) -> Figure:
    """Validation accuracy against multiply-adds and against seconds, each seed a line."""
    figure, axes = empty_figure(2)
    colours = colours_of(row["arm"] for row in results["rows"])
    for axis, measure in zip(axes, (1, 2), strict=True):
        for row in results["rows"]:
            for index, curve in enumerate(row["curves"]):
                points = np.array(curve["points"])
                label = row["arm"] if (measure, index) == (1, 0) else None
                style: dict[str, Any] = dict(color=colours[row["arm"]], linewidth=1.0, marker="o", markersize=2)
                axis.plot(points[:, measure], points[:, 3], alpha=0.6, label=label, **style)
        for level in LEVELS:
            axis.axhline(level, color="#bbbbbb", linewidth=0.5, zorder=0)
        axis.set(xscale="log", xlabel=MEASURES[measure], ylabel="validation accuracy", ylim=(0.4, 1.0))
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def answer(results: Results) -> str:
    """In words, with the numbers."""
    rows, parts = results["rows"], []
    for level in LEVELS:
        found = [(row["arm"], reached(row, level, 1), reached(row, level, 2)) for row in rows]
        words = [f"{arm} {work:.2g} ({seconds:.2g} s)" for arm, work, seconds in found if np.isfinite(work)]
        parts.append(f"{level:.0%}: {', '.join(words) or 'none'}")
    ends = {row["arm"]: mean_end(row) for row in rows}
    sizes = [f"{arm} {size:.0f} with {test:.3f}" for arm, (size, test) in ends.items()]
    return (
        "Multiply-adds and seconds until a validation accuracy, median over seeds, searches included; who is not named "
        f"does not get there. {'; '.join(parts)}. Multiply-adds of one pass at the end, with test accuracy: "
        f"{', '.join(sizes)}. {verdict(rows, ends)}"
    )


def mean_end(row: dict[str, Any]) -> tuple[float, float]:
    """Connections and test accuracy at the end, means over seeds."""
    values = np.array([[curve["connections"], curve["test"]] for curve in row["curves"]], float)
    return interquartile_mean(values[:, 0]), interquartile_mean(values[:, 1])


def verdict(rows: list[dict[str, Any]], ends: dict[str, tuple[float, float]]) -> str:
    """What is left of the claim, in training and at inference, at the lowest level."""
    level = LEVELS[0]
    least = {row["arm"]: reached(row, level, 1) for row in rows}
    ours, theirs = (min((least[a] for a in least if (a in TRAINED) == kind), default=np.inf) for kind in (False, True))
    holds = "holds" if ours < theirs else "FAILED"
    ratio = f"{ours / theirs:.2g} times the multiply-adds" if np.isfinite(ours + theirs) else "no comparable work"
    small = {arm: size for arm, (size, test) in ends.items() if test >= level}
    smallest = min(small, key=lambda arm: small[arm], default="none")
    return (
        f"That training is mostly wasted {holds}: the cheapest weight agnostic network of {level:.0%} took {ratio} of "
        f"the cheapest other one. At inference the smallest network of {level:.0%} on the test is: {smallest}."
    )


EXPERIMENT = Experiment(
    question="Is most training time wasted?",
    expected="the claim fails in training and holds at inference",
    not_shown="searches that are longer or better tuned; where there is no gradient; other hardware's seconds",
    run=run,
    draw=draw,
    answer=answer,
)
