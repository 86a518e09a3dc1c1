"""Accuracy against the work that it took: for networks that are trained, pruned, searched for.

In: a task, seeds. Out: for each seed a curve of points, and the test accuracy at its end. A pass is one image through
one network; a step of gradient descent counts three for each image (forward, and back to values and to weights). A pass
takes as many multiply-adds as the network has connections. Seconds are those of one run alone, without compilation.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wann_jax.analysis.evaluation import evaluate
from wann_jax.analysis.experiments.students import Student
from wann_jax.analysis.experiments.training import Plan, accuracies, train
from wann_jax.analysis.protocol import best_shared_weight
from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.loop import dispatches, start
from wann_jax.genomes.genome import Genome
from wann_jax.genomes.graph import num_live_connections
from wann_jax.networks.compiling import express
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.ternary.api import search_ternary
from wann_jax.ternary.config import TernaryConfig

PASSES_OF_A_STEP = 3.0  # for each image
RATE = 0.1  # of Adam; settled beforehand, so that no choice needs work


class Work(NamedTuple):
    """What was done so far."""

    passes: float = 0.0
    multiply_adds: float = 0.0
    seconds: float = 0.0

    def more(self, passes: float, connections: float, seconds: float) -> "Work":
        """With so many passes through networks of so many connections."""
        return Work(self.passes + passes, self.multiply_adds + passes * connections, self.seconds + seconds)


class Curve(NamedTuple):
    """Of one seed."""

    points: list[list[float]]  # passes, multiply-adds, seconds, validation accuracy; rounded
    test: float  # accuracy at the end
    connections: int  # at the end: multiply-adds of a pass


def point(work: Work, accuracy: float) -> list[float]:
    """A row of a curve."""
    return [float(f"{value:.4g}") for value in (*work, accuracy)]


def train_in(
    task: ClassificationTask, student: Student, plan: Plan, seeds: Sequence[int], budgets: Sequence[int], before: Work
) -> list[Curve]:
    """Trainings of so many steps each, on top of what was done before: a curve for each seed."""
    rates, keys = jnp.full(len(seeds), RATE, jnp.float32), jnp.asarray(seeds, jnp.int32)
    starts, masks = jnp.asarray(student.starts), jnp.asarray(student.masks)
    second = seconds_of_step(task, student, plan, budgets[-1])
    points: list[list[list[float]]] = [[] for _ in seeds]
    for steps in budgets:
        weights = train(task, student.topology, plan, starts, masks, rates, keys, steps=steps, horizon=steps)
        work = before.more(PASSES_OF_A_STEP * steps * plan.minibatch_size, student.connections, steps * second)
        for row, score in zip(points, accuracies(task, student.topology, weights, "validation"), strict=True):
            row.append(point(work, float(score)))
    test = accuracies(task, student.topology, weights, "test")
    sizes = student.masks.sum(1)
    return [Curve(row, round(float(t), 4), int(size)) for row, t, size in zip(points, test, sizes, strict=True)]


def seconds_of_step(task: ClassificationTask, student: Student, plan: Plan, steps: int) -> float:
    """Of one run alone, once compiled."""
    starts, masks = jnp.asarray(student.starts[:1]), jnp.asarray(student.masks[:1])
    rates, keys = jnp.full(1, RATE, jnp.float32), jnp.zeros(1, jnp.int32)

    def once(count: int) -> float:
        began = time.perf_counter()
        train(task, student.topology, plan, starts, masks, rates, keys, steps=count, horizon=steps).block_until_ready()
        return time.perf_counter() - began

    once(1)
    return once(steps) / steps


def search_in(task: Any, config: SearchConfig, looks: int, seed: int) -> tuple[Curve, Work, Genome, float]:
    """A search, its champion looked at so often at its best shared weight; work, champion and weight at the end."""
    state, work, points, timed = start(task, config, seed), Work(), [], [0.0, 0]
    interval = max(1, config.generations // looks)
    for dispatch in dispatches(task, config, state, interval):
        passes, sizes = (np.asarray(getattr(dispatch.metrics, n), float) for n in ("work", "connections_mean"))
        if not dispatch.compiled:
            timed = [timed[0] + dispatch.seconds, timed[1] + len(passes)]
        work = work.more(float(passes.sum()), float((passes * sizes).sum() / passes.sum()), 0.0)
        done = int(dispatch.state.generation)
        if done % interval == 0 and np.isfinite(float(dispatch.state.champion_score)):
            champion = jax.tree.map(jnp.copy, dispatch.state.champion)
            network = jax.jit(express)(champion)
            weight = best_shared_weight(task, network, grid_step=0.25)
            seconds = timed[0] / max(timed[1], 1) * done
            score = float(evaluate(task, [network], [weight])[0, 0, 0])
            points.append(point(work._replace(seconds=seconds), score))
    test = float(evaluate(task, [network], [weight], split="test")[0, 0, 0])
    curve = Curve(points, round(test, 4), int(num_live_connections(champion)))
    return curve, work._replace(seconds=seconds), champion, weight


def ternary_in(task: ClassificationTask, connections: int, budgets: Sequence[int], seed: int) -> Curve:
    """Ternary searches of so many steps each; all weights of the dense network are trained throughout."""
    points = []
    for steps in budgets:
        config = TernaryConfig(connections=connections, restarts=1, steps=steps)
        seconds, found = _timed(lambda: search_ternary(task, config, seed))  # noqa: B023 (at once)
        widths = (task.num_inputs + 1, *config.hidden, task.num_outputs)
        dense = sum(a * b for a, b in itertools.pairwise(widths))
        passes = PASSES_OF_A_STEP * steps * config.minibatch_size * config.restarts
        points.append(point(Work().more(passes, dense, seconds), found.score))
    test = float(evaluate(task, [found.network], [1.0], split="test")[0, 0, 0])
    return Curve(points, round(test, 4), int(num_live_connections(found.genome)))


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the second run, which compiles nothing."""
    run()
    began = time.perf_counter()
    found = run()
    return time.perf_counter() - began, found
