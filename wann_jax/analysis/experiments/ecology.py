"""Does selection that depends on frequencies find what selection by a fixed score cannot?

Bit strings evolve towards a hidden one under rules that differ in the challenges that are put and in what an answer is
worth (parity.py). Frequency fitness assignment is checked beforehand on the functions that it was published with
(frequency.py). Then the rules select in searches for networks (selecting.py).
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from wann_jax.analysis.experiments import frequency, parity
from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.selecting import answer_of, draw_searched, searched
from wann_jax.analysis.experiments.statistics import Difference, differences
from wann_jax.report.plots import empty_figure

SIZES = (4, 6, 8, 10, 12, 14, 16)
LONGER = (20, 24, 28, 32)  # for the rules that come so far
QUICK_SIZES, QUICK_RULES = (4, 6), (parity.MEAN, parity.BIASED, parity.SPARSE)
FIRST_OF_SLOPE = 8  # below, the first generations find the target by luck
RUNS_PER_SEED = 4
CAP = 100_000  # generations
STRING_LENGTHS, QUICK_LENGTHS = (8, 16, 32), (8, 12)
EVALUATIONS, QUICK_EVALUATIONS = 200_000, 2_000


def run(record: Record, setting: Setting) -> Results:
    """Generations by rule and size, evaluations by algorithm, function and length."""
    runs = RUNS_PER_SEED * setting.seeds
    sizes, lengths = (QUICK_SIZES, QUICK_LENGTHS) if setting.is_quick else (SIZES, STRING_LENGTHS)
    cap = QUICK_EVALUATIONS if setting.is_quick else EVALUATIONS
    found: Results = {"runs": runs, "cap": cap, "parity": {}, "published": {}}
    for rule in QUICK_RULES if setting.is_quick else parity.RULES:
        longer = LONGER if rule in (parity.BIASED, parity.SPARSE) and not setting.is_quick else ()
        found["parity"][rule] = {
            size: record.measured(f"{rule}, {size} bits", partial(_generations, rule, size, runs))
            for size in (*sizes, *longer)
        }
    for algorithm in frequency.ALGORITHMS:
        for name in frequency.FUNCTIONS:
            found["published"][f"{algorithm}, {name}"] = {
                length: record.measured(
                    f"{algorithm}, {name}, {length} bits", partial(_evaluations, algorithm, name, length, runs, cap)
                )
                for length in lengths
            }
    found["searches"] = (
        {} if setting.is_quick else searched(record, setting)
    )  # a search's program takes long to compile
    return found


def _generations(rule: str, size: int, runs: int) -> list[int]:
    keys = jax.random.split(jax.random.key(size), runs)
    return np.asarray(parity.generations_to_target(keys, jnp.int32(size), rule, CAP)).tolist()


def _evaluations(algorithm: str, name: str, length: int, runs: int, cap: int) -> list[int]:
    keys = jax.random.split(jax.random.key(length), runs)
    return np.asarray(frequency.evaluations_to_optimum(keys, algorithm, name, length, cap)).tolist()


def growth(by_size: dict[int, list[int]]) -> float:
    """By what factor generations grow with each bit: a line through the mean logarithms, from some bits on."""
    sizes = [size for size in by_size if size >= min(FIRST_OF_SLOPE, max(by_size) - 2)]
    logs = [np.log2(np.maximum(by_size[size], 1)).mean() for size in sizes]
    return float(2 ** np.polyfit(sizes, logs, 1)[0])


def draw(results: Results) -> Figure:
    """Generations against bits; evaluations against bits."""
    figure, axes = empty_figure(3 if results["searches"] else 2)
    left, right, *last = axes
    for rule, by_size in results["parity"].items():
        _line(left, by_size, rule, "o-", None)
    for color, algorithm in zip(("#d9822b", "#1f5fa8"), frequency.ALGORITHMS, strict=True):
        for name, style in zip(frequency.FUNCTIONS, ("o-", "s--", "^:"), strict=True):
            _line(right, results["published"][f"{algorithm}, {name}"], f"{algorithm}, {name}", style, color)
    right.axhline(results["cap"], color="#888888", linewidth=0.8)
    left.set(ylabel="generations until the target is met", title="parity")
    right.set(ylabel="evaluations until the optimum is met", title="frequency fitness, as published (line: cap)")
    for axis in (left, right):
        axis.set(xlabel="bits", yscale="log")
    for axis in last:
        draw_searched(axis, results["searches"])
    for axis in axes:
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, fontsize=7)
    return figure


def _line(axis, by_size, label, style, color):
    """The geometric mean over runs, and the middle half of them."""
    logs = {size: np.log(np.maximum(values, 1)) for size, values in by_size.items()}
    middle = [np.exp(each.mean()) for each in logs.values()]
    low, high = (np.exp([np.percentile(each, part) for each in logs.values()]) for part in (25, 75))
    (line,) = axis.plot(list(logs), middle, style, markersize=4, color=color, label=label)
    axis.fill_between(list(logs), low, high, color=line.get_color(), alpha=0.12, linewidth=0)


def answer(results: Results) -> str:
    """In words, with the numbers."""
    rules = results["parity"]
    last, far = max(rules[parity.MEAN]), max(rules[parity.BIASED])
    means = "; ".join(
        f"{rule}: {np.mean(by_size[last]):.0f} generations, {growth(by_size):.2f} times more with each bit"
        for rule, by_size in rules.items()
    )
    logs = {rule: np.log2(np.maximum(by_size[last], 1)) for rule, by_size in rules.items()}
    against = differences({rule: each for rule, each in logs.items() if rule != parity.MEAN}, logs[parity.MEAN])
    log_far = {rule: np.log2(np.maximum(rules[rule][far], 1)) for rule in (parity.BIASED, parity.SPARSE)}
    control = differences({parity.BIASED: log_far[parity.BIASED]}, log_far[parity.SPARSE])[parity.BIASED]
    helped = [rule for rule, each in against.items() if each.p < 0.05 and each.mean < 0]
    ends = (_of_control(control, far), frequency.in_words(results["published"], results["cap"]))
    return (
        f"Parity, {last} bits: {means} (by chance alone, 2). Faster than the mean score ({results['runs']} runs, "
        f"p < 0.05 after Holm): {', '.join(helped) or 'none'}. {' '.join(ends)} {answer_of(results['searches'])}"
    )


def _of_control(control: Difference, size: int) -> str:
    """Whether the population's bias is worth more than a fixed one."""
    factor, p = 2**control.mean, control.p
    words = "is worth more than" if p < 0.05 and factor < 1 else "is worth no more than"
    return (
        f"At {size} bits biased challenges take {factor:.2f} times the generations of fixed sparse ones (p {p:.2g}): "
        f"the population's own bias {words} any bias towards few marked bits."
    )


EXPERIMENT = Experiment(
    question="Does selection that depends on frequencies find what selection by a fixed score cannot?",
    expected="challenges biased by the population help exponentially, perhaps no more than fixed sparse ones; resource "
    "sharing and frequency fitness do not help on parity, which gives no score but one",
    not_shown="Kaznatcheev's exact rule, which is not this one; searches of more generations, or other tasks",
    run=run,
    draw=draw,
    answer=answer,
)
