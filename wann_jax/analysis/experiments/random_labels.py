"""Can networks this small memorise random labels, and what do they learn where some labels are random?

Arms of about equal connections, every topology found on true labels: evolved, pruned from a dense network by magnitude,
dense, graded. First: N images with random labels, one weight for each connection, Adam without noise on the images;
how many labels are fitted, and how many bits that is. Second: all images, a share of the labels random; accuracy on
true labels. Seeds are of labels, starting weights and mini-batches; evolved and graded arms have one topology each.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.capacity import FITTED, most_fitted, stored_bits
from wann_jax.analysis.experiments.pictures import colours_of, draw_means
from wann_jax.analysis.experiments.statistics import differences, interquartile_mean
from wann_jax.analysis.experiments.students import (
    DENSE,
    EVOLVED,
    GRADED,
    LEAST_EVOLVED,
    PRUNED,
    Student,
    student_of,
    tuned,
)
from wann_jax.analysis.experiments.training import Plan, accuracies, rounded
from wann_jax.errors import require_known
from wann_jax.report.plots import empty_figure
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.tasks.datasets import load_digits, load_mnist

DATA = {"digits": load_digits, "mnist": load_mnist}
SIZES = {"digits": (130, 260, 519), "mnist": (519, 1421, 5054)}
EVOLVED_SIZES = {"digits": (519,), "mnist": (1421, 5054)}
PER_CONNECTION = (0.15, 0.25, 0.35, 0.5, 0.7)  # images with random labels in the first part
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
RATES = (0.03, 0.1)
WHOLE = "dense, large"
EXPECTED_BITS = 2.0  # a weight, at least


def run(record: Record, setting: Setting) -> Results:
    """Accuracy on random labels by arm, size and N; accuracies by arm and share of random labels."""
    task = setting.task
    require_known("task", task, DATA)
    arms = {PRUNED: SIZES[task], DENSE: SIZES[task], GRADED: SIZES[task], EVOLVED: EVOLVED_SIZES[task]}
    ratios: Sequence[float] = PER_CONNECTION
    shares: Sequence[float] = SHARES
    plan = Plan(3000, 128, 0.0)
    second = dict.fromkeys(arms, LEAST_EVOLVED[task]) | {WHOLE: 5000}
    if setting.is_quick:
        ratios, shares, plan = ratios[-1:], (0.0, 1.0), Plan(60, 32, 0.0)
        arms, second = {DENSE: SIZES[task][:1]}, {DENSE: SIZES[task][0]}
    seeds, data = range(setting.seeds), cache(DATA[task])

    @cache
    def student(arm: str, size: int) -> Student:
        given = ClassificationTask.create(task, data())
        return student_of(DENSE if arm == WHOLE else arm, given, size, seeds, plan.steps // 2)

    def measured(arm: str, size: int, count: int | None, share: float) -> dict[str, list[float]]:
        def measure() -> dict[str, list[float]]:
            whole = data()
            some = whole.shortened(count or len(whole.labels["train"]))
            labels = np.stack([some.with_random_labels(share, seed).labels["train"] for seed in seeds])
            return trained(ClassificationTask.create(task, some), student(arm, size), plan, labels, count is not None)

        name = f"{arm}, {size} connections, {count or 'all'} images, {share:g} of labels random"
        found: dict[str, list[float]] = record.measured(name, measure)
        return found

    first = [(arm, size, round(ratio * size)) for arm, sizes in arms.items() for size in sizes for ratio in ratios]
    fitted = [{"arm": a, "size": size, "images": n, **measured(a, size, n, 1.0)} for a, size, n in first]
    noisy = [
        {"arm": arm, "share": share, **measured(arm, size, None, share)}
        for arm, size in second.items()
        for share in shares
    ]
    return {"fitted": fitted, "noisy": noisy, "size": LEAST_EVOLVED[task]}


def trained(
    task: ClassificationTask, student: Student, plan: Plan, labels: np.ndarray, is_first: bool
) -> dict[str, list[float]]:
    """Accuracies of each seed on its own training labels [S, n], and on the test's where the labels are not all random.

    The rate of Adam is chosen by the labels that are to be fitted in the first part, else by the validation images.
    """
    seeds, cases = range(len(labels)), jnp.asarray(labels)
    runs = [tuned(task, student, plan, seeds, (rate,), cases, with_labels) for rate in RATES]
    own = np.array([accuracies(task, student.topology, found.weights, "train", labels) for found in runs])
    best = (own if is_first else np.array([found.validation for found in runs])).argmax(0)
    chosen = np.stack([runs[index].weights[seed] for seed, index in enumerate(best)])
    row = {"own": own[best, np.arange(len(labels))]}
    row |= {} if is_first else {"test": accuracies(task, student.topology, chosen, "test")}
    return {name: rounded(values) for name, values in row.items()}


def with_labels(task: ClassificationTask, labels: Any) -> ClassificationTask:
    """The task with other training labels."""
    return task.replace(labels=task.labels | {"train": labels})


def capacities(results: Results) -> list[dict[str, Any]]:
    """By arm and size: labels fitted, and the most bits stored at any number of images, for each seed."""
    found = []
    for arm, size in dict.fromkeys((row["arm"], row["size"]) for row in results["fitted"]):
        rows = [row for row in results["fitted"] if (row["arm"], row["size"]) == (arm, size)]
        by_seed = list(zip(*[row["own"] for row in rows], strict=True))
        images = [row["images"] for row in rows]
        labels = [most_fitted(list(zip(images, own, strict=True))) for own in by_seed]
        bits = [max(map(stored_bits, own, images)) for own in by_seed]
        found.append({"arm": arm, "size": size, "labels": labels, "bits": bits})
    return found


def draw(results: Results) -> Figure:
    """Labels fitted against connections; accuracy on true labels against the share of random ones."""
    figure, axes = empty_figure(2)
    found = capacities(results)
    colours = colours_of(row["arm"] for row in results["noisy"])
    for arm in dict.fromkeys(row["arm"] for row in found):
        rows = [row for row in found if row["arm"] == arm]
        sizes, labels = [row["size"] for row in rows], [row["labels"] for row in rows]
        draw_means(axes[0], sizes, labels, color=colours[arm])
    axes[0].set(xlabel="connections", ylabel=f"random labels fitted at {FITTED:.0%}", ylim=(0, None))
    for arm, colour in colours.items():
        rows = [row for row in results["noisy"] if row["arm"] == arm]
        shares = [row["share"] for row in rows]
        for kind, style in (("test", "-"), ("own", ":")):
            axes[1].plot(shares, [interquartile_mean(row[kind]) for row in rows], style, color=colour)
        axes[1].plot([], [], color=colour, label=arm)
    axes[1].set(xlabel="share of random labels", ylabel="accuracy: on the test (dotted: own labels)", ylim=(0, 1.02))
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def answer(results: Results) -> str:
    """In words, with the numbers."""
    found, size = capacities(results), results["size"]
    parts = []
    for row in found:
        labels, bits = interquartile_mean(row["labels"]), interquartile_mean(row["bits"])
        parts.append(f"{row['arm']}, {row['size']}: {labels:.0f} ({bits / row['size']:.2f} bits a connection)")
    largest = max(interquartile_mean(row["bits"]) / row["size"] for row in found)
    kept = "is not reached: FAILED" if largest < EXPECTED_BITS else "is reached"
    main = {row["arm"]: row["bits"] for row in found if row["size"] == size}
    against = ""
    if EVOLVED in main:
        control = main.pop(EVOLVED)
        gains = differences(main, control)
        words = [f"{arm} {gain.mean / size:+.2f} (p {gain.p:.2g})" for arm, gain in gains.items()]
        against = f" Bits a connection against the evolved one of {size}: {', '.join(words)}."
    shares = sorted({row["share"] for row in results["noisy"]})
    middle = shares[len(shares) // 2]
    halves = [row for row in results["noisy"] if row["share"] == middle]
    ends = [(row["arm"], *(interquartile_mean(row[kind]) for kind in ("test", "own"))) for row in halves]
    noisy = [f"{arm} {test:.3f} on the test, {own:.3f} on its own labels" for arm, test, own in ends]
    return (
        f"Random labels fitted at {FITTED:.0%}, by connections. {'; '.join(parts)}. The expected least of "
        f"{EXPECTED_BITS:g} bits {kept} (most: {largest:.2f}).{against} With {middle:.0%} of all labels random: "
        f"{'; '.join(noisy)}."
    )


EXPERIMENT = Experiment(
    question="Can networks this small memorise random labels?",
    expected="two to five bits a weight, a label being 3.3 bits; so small networks ignore the noise in noisy labels",
    not_shown="what more training would fit: capacities are lower bounds for Adam; one evolved topology",
    run=run,
    draw=draw,
    answer=answer,
)
