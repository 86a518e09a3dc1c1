"""Can networks this small memorise random labels, and what do they learn where some labels are random?

Arms of about equal connections, every topology found on true labels: evolved, pruned from a dense network by magnitude,
dense, graded. First: N images with random labels, one weight for each connection, Adam without noise on the images;
how many labels are fitted, and how many bits that is. Second: all images, a share of the labels random; accuracy on
true labels. Seeds are of labels, starting weights and mini-batches; evolved and graded arms have one topology each.
"""

from collections.abc import Sequence
from functools import cache

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from wann_jax.analysis.experiments import students
from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.capacity import FITTED, capacities
from wann_jax.analysis.experiments.pictures import colours_of, draw_means
from wann_jax.analysis.experiments.statistics import differences, interquartile_mean
from wann_jax.analysis.experiments.training import Plan, accuracies, rounded, with_labels
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
    arms: dict[str, tuple[int, ...]] = dict.fromkeys((students.PRUNED, students.DENSE, students.GRADED), SIZES[task])
    arms |= {students.EVOLVED: EVOLVED_SIZES[task]}
    ratios: Sequence[float] = PER_CONNECTION
    shares: Sequence[float] = SHARES
    plan = Plan(3000, 128, 0.0)
    second = dict.fromkeys(arms, students.LEAST_EVOLVED[task]) | {WHOLE: 5000}
    if setting.is_quick:
        ratios, shares, plan = ratios[-1:], (0.0, 1.0), Plan(60, 32, 0.0)
        arms, second = {students.DENSE: SIZES[task][:1]}, {students.DENSE: SIZES[task][0]}
    seeds, data = range(setting.seeds), cache(DATA[task])

    @cache
    def student(arm: str, size: int) -> students.Student:
        given = ClassificationTask.create(task, data())
        return students.student_of(students.DENSE if arm == WHOLE else arm, given, size, seeds, plan.steps // 2)

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
    pairs = [(arm, share) for arm in second for share in shares]
    noisy = [{"arm": arm, "share": share, **measured(arm, second[arm], None, share)} for arm, share in pairs]
    return {"fitted": fitted, "noisy": noisy, "size": students.LEAST_EVOLVED[task]}


def trained(
    task: ClassificationTask, student: students.Student, plan: Plan, labels: np.ndarray, is_first: bool
) -> dict[str, list[float]]:
    """Accuracies of each seed on its own training labels [S, n], and on the test's where the labels are not all random.

    The rate of Adam is chosen by the labels that are to be fitted in the first part, else by the validation images.
    """
    seeds, cases = range(len(labels)), jnp.asarray(labels)
    runs = [students.tuned(task, student, plan, seeds, (rate,), cases, with_labels) for rate in RATES]
    own = np.array([accuracies(task, student.topology, found.weights, "train", labels) for found in runs])
    best = (own if is_first else np.array([found.validation for found in runs])).argmax(0)
    chosen = np.stack([runs[index].weights[seed] for seed, index in enumerate(best)])
    row = {"own": own[best, np.arange(len(labels))]}
    row |= {} if is_first else {"test": accuracies(task, student.topology, chosen, "test")}
    return {name: rounded(values) for name, values in row.items()}


def draw(results: Results) -> Figure:
    """Bits stored against connections; accuracy on true labels against the share of random ones."""
    figure, axes = empty_figure(2)
    found, colours = capacities(results["fitted"]), colours_of(row["arm"] for row in results["noisy"])
    for arm in dict.fromkeys(row["arm"] for row in found):
        rows = [row for row in found if row["arm"] == arm]
        sizes, bits = [row["size"] for row in rows], [row["bits"] for row in rows]
        draw_means(axes[0], sizes, bits, color=colours[arm])
    ends = np.array([0, max(row["size"] for row in found)])
    for each in (1, 2):
        axes[0].plot(ends, each * ends, "--", color="#999999", linewidth=0.8)
        axes[0].annotate(f"{each} a connection", (ends[1] / 2, each * ends[1] / 2), fontsize=7, ha="right")
    axes[0].set(xlabel="connections", ylabel="bits of random labels stored", ylim=(0, None))
    for arm, colour in colours.items():
        rows = [row for row in results["noisy"] if row["arm"] == arm]
        for kind, style in (("test", "-"), ("own", ":")):
            means = [interquartile_mean(row[kind]) for row in rows]
            axes[1].plot([row["share"] for row in rows], means, style, color=colour)
        axes[1].plot([], [], color=colour, label=arm)
    axes[1].set(xlabel="share of random labels", ylabel="test accuracy (dotted: on own labels)", ylim=(0, 1.02))
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def answer(results: Results) -> str:
    """In words, with the numbers."""
    found, size, parts = capacities(results["fitted"]), results["size"], []
    for row in found:
        labels, bits = interquartile_mean(row["labels"]), interquartile_mean(row["bits"]) / row["size"]
        parts.append(f"{row['arm']}, {row['size']}: {labels:.0f} ({bits:.2f} bits a connection)")
    largest = max(interquartile_mean(row["bits"]) / row["size"] for row in found)
    kept = "is not reached: FAILED" if largest < EXPECTED_BITS else "is reached"
    main = {row["arm"]: row["bits"] for row in found if row["size"] == size}
    if control := main.pop(students.EVOLVED, None):
        gains = differences(main, control)
        words = [f"{arm} {gain.mean / size:+.2f} (p {gain.p:.2g})" for arm, gain in gains.items()]
        parts[-1] += f". Bits a connection against the evolved one of {size}: {', '.join(words)}"
    shares = sorted({row["share"] for row in results["noisy"]})
    halves = [row for row in results["noisy"] if row["share"] == shares[len(shares) // 2]]
    ends = [(row["arm"], *(interquartile_mean(row[kind]) for kind in ("test", "own"))) for row in halves]
    noisy = [f"{arm} {test:.3f} on the test, {own:.3f} on its own labels" for arm, test, own in ends]
    large = [test for arm, test, _ in ends if arm == WHOLE]
    verdict = "holds" if large and min(test for arm, test, _ in ends if arm != WHOLE) > large[0] else "FAILED"
    return (
        f"Random labels fitted at {FITTED:.0%}, by connections. {'; '.join(parts)}. The expected least of "
        f"{EXPECTED_BITS:g} bits {kept} (most: {largest:.2f}). With {halves[0]['share']:.0%} of all labels random: "
        f"{'; '.join(noisy)}. That small networks ignore the noise {verdict}."
    )


EXPERIMENT = Experiment(
    question="Can networks this small memorise random labels?",
    expected="two to five bits a weight, a label being 3.3 bits; so small networks ignore the noise in noisy labels",
    not_shown="what more training would fit: capacities are lower bounds for Adam; one evolved topology",
    run=run,
    draw=draw,
    answer=answer,
)
