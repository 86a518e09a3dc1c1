"""Are evolved topologies better than those that pruning finds, at equal connections?

Tuned weights: magnitude pruning with weights going back to an early step, its masks with new weights, random masks,
evolved, pruned on the way from a union of evolved networks (MNIST), graded. No weight of its own, one magnitude for
all connections: evolved and graded at one shared weight, masks at one shared weight or with the signs of trained
weights, subnetworks that edge-popup finds among random signs. Test accuracy; choices are made on validation images.
"""

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from wann_jax.analysis.experiments import tickets
from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.pictures import colours_of, draw_means
from wann_jax.analysis.experiments.statistics import differences, interquartile_mean
from wann_jax.analysis.experiments.students import EVOLVED, GRADED, PLANS
from wann_jax.analysis.experiments.tickets import (
    NEW,
    POPUP,
    POPUP_WIDE,
    RANDOM,
    REWOUND,
    SHARED,
    SIGNED,
    TUNED,
    UNION,
    UNSIGNED,
)
from wann_jax.analysis.experiments.training import Plan
from wann_jax.errors import require_known
from wann_jax.report.plots import empty_figure
from wann_jax.tasks.registry import make_task

SIZES = {"digits": (130, 260, 519, 1038), "mnist": (500, 1000, 1849, 5082)}
MAIN = {"digits": 519, "mnist": 1849}  # connections at which arms are compared
# Evolved networks of the zoo, by live connections; the largest of digits takes too long to tune.
EVOLVED_SIZES = {
    (TUNED, "digits"): (519,),
    (SHARED, "digits"): (519, 5821),
    (TUNED, "mnist"): (1421, 5054),
    (SHARED, "mnist"): (1421, 5054),
}
ARMS = {
    TUNED: (REWOUND, NEW, RANDOM, GRADED, EVOLVED, UNION),
    SHARED: (SIGNED, UNSIGNED, RANDOM, GRADED, EVOLVED, POPUP, POPUP_WIDE),
}
SURE = 0.05


def run(record: Record, setting: Setting) -> Results:
    """Test accuracies by kind of weights, arm and size."""
    require_known("task", setting.task, SIZES)
    task, arms, plan = make_task(setting.task), ARMS, PLANS[setting.task]
    sizes: tuple[int, ...] = SIZES[setting.task]
    if setting.is_quick:
        sizes, plan = sizes[-1:], Plan(20, 32)
        arms = {TUNED: (RANDOM,), SHARED: (RANDOM, POPUP)}
    made = tickets.Tickets(task, range(setting.seeds), plan, sizes)
    rows = []
    for kind, names in arms.items():
        for arm in names:
            own = {EVOLVED: EVOLVED_SIZES[kind, setting.task], UNION: tuple(tickets.UNIONS[setting.task])}
            for size in own.get(arm, sizes):
                measure = partial(made.accuracy, kind, arm, size)
                test = record.measured(f"{kind}: {arm}, {size} connections", measure)
                rows.append({"kind": kind, "arm": arm, "size": size, "test": test})
    return {"rows": rows, "main": sizes[-1] if setting.is_quick else MAIN[setting.task]}


def draw(results: Results) -> Figure:
    """Accuracy against connections, by kind of weights."""
    figure, axes = empty_figure(2)
    colours = colours_of(row["arm"] for row in results["rows"])
    for axis, kind in zip(axes, (SHARED, TUNED), strict=True):
        for arm, colour in colours.items():
            rows = [row for row in results["rows"] if (row["kind"], row["arm"]) == (kind, arm)]
            if rows:
                sizes, values = [row["size"] for row in rows], [row["test"] for row in rows]
                draw_means(axis, sizes, values, color=colour)
        axis.set(xscale="log", xlabel="connections", ylabel="test accuracy", title=kind)
        shown = sorted({row["size"] for row in results["rows"] if row["kind"] == kind})
        axis.set_xticks(shown, [str(size) for size in shown])
        axis.minorticks_off()
    for arm, colour in colours.items():
        axes[0].plot([], [], color=colour, marker="o", markersize=4, label=arm)
    axes[1].set_ylim(0.7, 1.0)
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def answer(results: Results) -> str:
    """In words, with the numbers."""
    main, parts = results["main"], []
    for kind in (TUNED, SHARED):
        rows = [row for row in results["rows"] if row["kind"] == kind]
        here = {row["arm"]: row["test"] for row in rows if row["size"] == main}
        words = [f"{arm} {interquartile_mean(test):.3f}" for arm, test in here.items()]
        parts.append(f"{kind}, {main} connections: {', '.join(words)}.")
        control = REWOUND if kind == TUNED else GRADED
        if control in here and len(here[control]) >= 3:
            whole = {arm: np.broadcast_to(test, len(here[control])) for arm, test in here.items()}
            gains = differences({arm: test for arm, test in whole.items() if arm != control}, whole[control])
            words = [f"{arm} {gain.mean:+.3f} (p {gain.p:.2g})" for arm, gain in gains.items()]
            parts.append(f"Against {control}: {', '.join(words)}.")
            if kind == TUNED and EVOLVED in gains:
                won = gains[EVOLVED].mean < 0 and gains[EVOLVED].p < SURE
                parts.append(f"That masks from dense networks win {'holds' if won else 'FAILED'}.")
    smallest = min(row["size"] for row in results["rows"])
    ends = {(row["kind"], row["arm"]): row["test"] for row in results["rows"] if row["size"] == smallest}
    words = [f"{arm} {interquartile_mean(ends[kind, arm]):.3f}" for kind, arm in ends if kind == TUNED]
    parts.append(f"Tuned at {smallest}: {', '.join(words)}.")
    return " ".join(parts)


EXPERIMENT = Experiment(
    question="Are evolved topologies better than those that pruning finds, at equal connections?",
    expected="masks from dense networks win on tuned weights; random masks lose at high sparsity",
    not_shown="other evolved topologies than the zoo's: seeds of that arm are of training; deeper dense networks",
    run=run,
    draw=draw,
    answer=answer,
)
