"""How much is the rich set of activations worth?

The same search, five seeds each, where hidden nodes may compute all ten activations, or a few, or all but one. Measured
are the champions' accuracies on the test images under a random shared weight, under the best one and with trained
weights, as differences from all ten, seed by seed.
"""

import numpy as np
from matplotlib.figure import Figure

from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.champions import MEASURES, measure_champions
from wann_jax.analysis.experiments.statistics import differences, interquartile_mean
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.report.plots import empty_figure

GENERATIONS = 600
ALL = "all ten"
FEW = {
    "relu": ("relu",),
    "relu, inverse": ("relu", "inverse"),
    "linear, inverse, relu": ("linear", "inverse", "relu"),
    "abs, inverse": ("abs", "inverse"),
}
SETS = {
    ALL: tuple(ACTIVATION_IDS),
    **FEW,
    **{
        f"without {left_out}": tuple(name for name in ACTIVATION_IDS if name != left_out) for left_out in ACTIVATION_IDS
    },
}
SURE = 0.05  # p below which a difference counts


def run(record: Record, setting: Setting) -> Results:
    """Differences from all ten, by measure and set."""
    names = [ALL, "relu"] if setting.is_quick else list(SETS)
    arms = {name: {"activations": SETS[name]} for name in names}
    found = measure_champions(record, setting, arms, GENERATIONS)
    return {
        "seeds": setting.seeds,
        "means": {name: {each: interquartile_mean(row[each]) for each in MEASURES} for name, row in found.items()},
        "connections": {name: float(np.mean(row["connections"])) for name, row in found.items()},
        "differences": {
            each: {
                name: difference._asdict()
                for name, difference in differences(
                    {name: row[each] for name, row in found.items() if name != ALL}, found[ALL][each]
                ).items()
            }
            for each in MEASURES
        },
    }


def draw(results: Results) -> Figure:
    """A forest plot for each measure."""
    figure, axes = empty_figure(len(MEASURES))
    names = list(results["differences"]["random"])
    for axis, (measure, label) in zip(axes, MEASURES.items(), strict=True):
        rows = [results["differences"][measure][name] for name in names]
        means = np.array([row["mean"] for row in rows])
        ends = np.array([(row["mean"] - row["low"], row["high"] - row["mean"]) for row in rows]).T
        places = np.arange(len(names))[::-1]
        axis.errorbar(means, places, xerr=np.maximum(ends, 0.0), fmt="o", markersize=4, capsize=3)
        axis.axvline(0.0, color="#888888", linewidth=1)
        axis.set(yticks=places, yticklabels=names if axis is axes[0] else [], xlabel="difference of accuracy")
        axis.set_title(f"under {label}" if measure != "tuned" else f"with {label}", fontsize=10)
    return figure


def answer(results: Results) -> str:
    """In words, with the numbers."""
    means, sets = results["means"], [name for name in results["means"] if name != ALL]

    def told(name: str) -> str:
        row = means[name]
        return f"{name} {row['random']:.3f}, {row['best']:.3f} and {row['tuned']:.3f}"

    sure = [
        f"{name} under {MEASURES[each]} ({row['mean']:+.3f}, p {row['p']:.3f})"
        for each in MEASURES
        for name, row in results["differences"][each].items()
        if row["p"] < SURE
    ]
    few = "; ".join(told(name) for name in (ALL, *(name for name in FEW if name in sets)))
    left_out = [name for name in sets if name not in FEW]
    parts = [f"Accuracy under a random shared weight, the best one and with trained weights: {few}."]
    if left_out:
        worst = min(left_out, key=lambda name: means[name]["random"])
        parts.append(f"Of the sets that leave one out the lowest is {told(worst)}.")
    parts.append(f"Differences from {ALL} that hold over {results['seeds']} seeds: {'; '.join(sure) or 'none'}.")
    return " ".join(parts)


EXPERIMENT = Experiment(
    question="How much is the rich set of activations worth?",
    expected="relu alone is weak, adding inverse recovers most, all are level with trained weights",
    not_shown="no other task, size or length of search; which sets are best with settings of their own",
    run=run,
    draw=draw,
    answer=answer,
    least_seeds=1,
)
