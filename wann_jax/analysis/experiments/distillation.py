"""Does a large network's knowledge help small ones (Hinton et al. 2015)?

Students of about equal connections: evolved, pruned from a dense network, dense, graded, each with a weight of its own
for every connection. The teacher is a dense network, trained on the same images. Losses: labels alone, which is the
control, and mixtures with the teacher's outputs by temperature and share. A student's mixture is the best for the mean
of its seeds on the validation images; then the test images are looked at, for it and for the control.
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from wann_jax.analysis.baselines import dense_topology
from wann_jax.analysis.experiments import students
from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.pictures import colours_of
from wann_jax.analysis.experiments.statistics import differences, interquartile_mean
from wann_jax.analysis.experiments.training import Plan, accuracies, all_left, fresh
from wann_jax.errors import require_known
from wann_jax.genomes.activation_ids import RELU
from wann_jax.networks.layered import in_layers
from wann_jax.report.plots import empty_figure
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.tasks.registry import make_task

WIDTH = 256  # hidden nodes of the teacher
TEMPERATURES, MIXES = (1.0, 2.0, 4.0, 8.0), (0.5, 0.9)
HARD = (1.0, 0.0)  # temperature and mix: labels alone
RATES = (0.1,)  # of Adam


def run(record: Record, setting: Setting) -> Results:
    """Accuracies by student and mixture, and the teacher's."""
    require_known("task", setting.task, students.PLANS)
    plan, size, seeds = students.PLANS[setting.task], students.LEAST_EVOLVED[setting.task], range(setting.seeds)
    arms: Sequence[str] = (students.EVOLVED, students.PRUNED, students.DENSE, students.GRADED)
    cases = [HARD, *((t, mix) for t in TEMPERATURES for mix in MIXES)]
    if setting.is_quick:
        plan, arms, cases = Plan(40, 32), arms[2:3], [HARD, (2.0, 0.5)]
    task: Any = make_task(setting.task)
    student = cache(partial(students.student_of, task=task, size=size, seeds=seeds, steps=plan.steps))
    lesson = cache(partial(taught, task, plan, seeds))
    teacher = record.measured("teacher", lambda: [float(score) for score in lesson()[1]])
    rows = []
    for arm in arms:
        for case in cases:
            name = f"{arm}, temperature {case[0]:g}, mix {case[1]:g}"
            found = record.measured(name, lambda: learned(lesson()[0], student(arm), plan, seeds, case))  # noqa: B023 (at once)
            rows.append({"arm": arm, "temperature": case[0], "mix": case[1], **found})
    return {"rows": rows, "teacher": {"validation": teacher[0], "test": teacher[1]}, "size": size}


def taught(task: ClassificationTask, plan: Plan, seeds: range) -> tuple[ClassificationTask, tuple[float, float]]:
    """The task with the best teacher among those of all seeds by the validation images, and its accuracies."""
    topology = dense_topology(task.num_inputs, WIDTH, task.num_outputs, RELU)
    masks = all_left(topology, len(seeds))
    found = students.tuned(task, students.Student(topology, masks, fresh(topology, masks, seeds)), plan, seeds)
    best = found.weights[found.validation.argmax()]
    (test,) = accuracies(task, topology, best[None], "test")
    return task.taught(partial(in_layers, topology, jnp.asarray(best))), (float(found.validation.max()), float(test))


def learned(
    task: ClassificationTask, student: students.Student, plan: Plan, seeds: range, case: tuple[float, float]
) -> dict[str, list[float]]:
    """Accuracies of each seed under one mixture."""
    cases = jnp.tile(jnp.asarray(case, jnp.float32), (len(seeds), 1))
    found = students.tuned(task, student, plan, seeds, RATES, cases, mixed)
    test = accuracies(task, student.topology, found.weights, "test")
    return {
        name: [round(float(v), 4) for v in values]
        for name, values in (("validation", found.validation), ("test", test))
    }


def mixed(task: ClassificationTask, case: Any) -> ClassificationTask:
    """The task with its teacher at another temperature and share."""
    assert task.teacher is not None
    return task.replace(teacher=task.teacher.replace(temperature=case[0], mix=case[1]))


def chosen(results: Results) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """By student: the control, and the mixture that is best by the validation images."""
    found = {}
    for arm in dict.fromkeys(row["arm"] for row in results["rows"]):
        rows = [row for row in results["rows"] if row["arm"] == arm]
        control = next(row for row in rows if row["mix"] == 0.0)
        found[arm] = (control, max((row for row in rows if row["mix"] > 0), key=lambda row: np.mean(row["validation"])))
    return found


def draw(results: Results) -> Figure:
    """Slopes from labels alone to the best mixture; validation accuracy by temperature."""
    figure, axes = empty_figure(2)
    colours = colours_of(row["arm"] for row in results["rows"])
    for arm, (control, best) in chosen(results).items():
        for before, after in zip(control["test"], best["test"], strict=True):
            axes[0].plot([0, 1], [before, after], color=colours[arm], alpha=0.25, linewidth=0.8)
        ends = [interquartile_mean(control["test"]), interquartile_mean(best["test"])]
        axes[0].plot([0, 1], ends, color=colours[arm], marker="o", linewidth=2, label=arm)
        for mix, style in zip(MIXES, (":", "-"), strict=True):
            rows = [row for row in results["rows"] if (row["arm"], row["mix"]) == (arm, mix)]
            means = [interquartile_mean(row["validation"]) for row in rows]
            axes[1].plot(
                [row["temperature"] for row in rows], means, style, color=colours[arm], marker="o", markersize=3
            )
        axes[1].axhline(interquartile_mean(control["validation"]), color=colours[arm], alpha=0.4, linewidth=0.8)
    axes[0].axhline(results["teacher"]["test"], color="#888888", linestyle="--", linewidth=1, label="teacher")
    axes[0].set(xticks=[0, 1], xticklabels=["labels", "labels and teacher"], ylabel="test accuracy", xlim=(-0.3, 1.3))
    axes[1].set(xscale="log", xlabel="temperature (dotted: mix .5, thin: labels alone)", ylabel="validation accuracy")
    axes[1].set_xticks(TEMPERATURES, [f"{t:g}" for t in TEMPERATURES])
    axes[1].minorticks_off()
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def answer(results: Results) -> str:
    """In words, with the numbers."""
    pairs, parts = chosen(results), []
    gains = {arm: np.subtract(best["test"], control["test"]) for arm, (control, best) in pairs.items()}
    tested = differences(gains, np.zeros(len(next(iter(gains.values())))))
    for arm, (control, best) in pairs.items():
        before, after = interquartile_mean(control["test"]), interquartile_mean(best["test"])
        at = f"temperature {best['temperature']:g}, mix {best['mix']:g}"
        parts.append(
            f"{arm} {before:.3f} to {after:.3f} (mean difference {tested[arm].mean:+.4f}, p {tested[arm].p:.2g}; {at})"
        )
    helped = [arm for arm, gain in tested.items() if gain.mean > 0 and gain.p < 0.05]
    verdict = f"It helps {', '.join(helped)}" if helped else "It helps no student for sure: FAILED"
    teacher = results["teacher"]["test"]
    return f"Teacher {teacher:.3f} on the test. Students of {results['size']}: {'; '.join(parts)}. {verdict}."


EXPERIMENT = Experiment(
    question="Does a large network's knowledge help small ones?",
    expected="0.3 to 1 point where students underfit",
    not_shown="unlabelled images for the teacher to label; one evolved and one graded topology, seeds are of training",
    run=run,
    draw=draw,
    answer=answer,
)
