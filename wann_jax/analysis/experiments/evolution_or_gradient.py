"""Evolution or gradient: which tunes the weights of a network better, at equal work and at equal seconds?

Adam, an evolution strategy, CMA-ES and a genetic algorithm start from the best shared weight of an evolved network.
Cases: images; images with nothing but step functions in the network, whose gradients are estimates, from small random
weights, since under a shared one hardly a step changes; swing-up, through the simulator; swing-up that pays only while
the pole is nearly upright, so that gradients are 0 everywhere.
"""

import dataclasses
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from wann_jax.analysis.baselines import dense_topology
from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.racing import WAYS, Way, best_start, race, scores
from wann_jax.analysis.experiments.searching import evolved
from wann_jax.analysis.experiments.statistics import differences
from wann_jax.envs.cartpole_swingup import CartPoleSwingUp
from wann_jax.genomes.activation_ids import STEP
from wann_jax.networks.compiling import express
from wann_jax.networks.files import load_genome
from wann_jax.networks.layered import Topology
from wann_jax.report.plots import empty_figure
from wann_jax.tasks.registry import make_task

IMAGES, STEPS, DENSE, SPARSE = "images", "images, step functions only", "swing-up", "swing-up, sparse reward"
CASES = (IMAGES, STEPS, DENSE, SPARSE)
QUICK_CASES, QUICK_WAYS, QUICK_HIDDEN = (IMAGES,), 1, 2  # what a quick look takes
GENERATIONS = 400  # of the search for the network of images
PASSES, EPISODES = 1_000_000, 12_000  # the work that each way may do, with each of its settings and seeds
BATCH, EPISODES_AT_ONCE = 128, 4
EPISODE_LENGTH = 500  # steps
NEARLY_UPRIGHT = 0.8  # reward above which the sparse one is 1


class SparseSwingUp(CartPoleSwingUp):
    """Swing-up that pays 1 while the reward is high, else 0."""

    def step_env(self, key, state, action, params):
        """One step."""
        obs, state, reward, terminated, info = super().step_env(key, state, action, params)
        return obs, state, (reward > NEARLY_UPRIGHT).astype(jnp.float32), terminated, info


@cache
def case(name: str, task_name: str, generations: int, seeds: int) -> tuple[Any, Topology, np.ndarray]:
    """The task, the topology and where each seed starts, [seeds, C]."""
    if name in (IMAGES, STEPS):
        task: Any = make_task(task_name)
        small = dense_topology(task.num_inputs, QUICK_HIDDEN, task.num_outputs)
        topology = Topology.of(jax.jit(express)(evolved(task_name, 0, generations))) if generations else small
    else:
        task = make_task("swingup", max_steps=EPISODE_LENGTH)
        topology = Topology.of(jax.jit(express)(load_genome("swingup52")))
        task = task.replace(env=SparseSwingUp()) if name == SPARSE else task
    shape = (seeds, topology.num_connections)
    if name == STEPS:
        small = np.random.default_rng(0).normal(size=shape) / np.sqrt(topology.fan_in)
        return task, with_steps(topology), small.astype(np.float32)
    return task, topology, np.full(shape, best_start(task, topology), np.float32)


def with_steps(topology: Topology) -> Topology:
    """The same with step functions in all hidden nodes."""
    first = 1 + topology.num_inputs
    nodes = [
        node if first + index in topology.outputs else node._replace(activation=STEP)
        for index, node in enumerate(topology.nodes)
    ]
    return dataclasses.replace(topology, nodes=tuple(nodes))


def run(record: Record, setting: Setting) -> Results:
    """Curves and test scores by case and way."""
    chosen, ways = (QUICK_CASES, WAYS[:QUICK_WAYS]) if setting.is_quick else (CASES, WAYS)
    return {
        name: {way.name: record.measured(f"{name}, {way.name}", partial(_raced, name, way, setting)) for way in ways}
        for name in chosen
    }


def _raced(name: str, way: Way, setting: Setting) -> dict[str, Any]:
    task, topology, starts = case(name, setting.task, 0 if setting.is_quick else GENERATIONS, setting.seeds)
    is_images = task.score_name == "accuracy"
    work = 0 if setting.is_quick else PASSES if is_images else EPISODES
    found = race(task, topology, starts, way, work, BATCH if is_images else EPISODES_AT_ONCE)
    return {
        "weights": topology.num_connections,
        "choice": found.choice,
        "start": float(scores(task, topology, starts, "test").mean()),
        "work": found.work.tolist(),
        "seconds": found.seconds.round(2).tolist(),
        "curve": found.curve.mean(-1).round(4).tolist(),
        "test": scores(task, topology, found.weights, "test").tolist(),
    }


def draw(results: Results) -> Figure:
    """The best held-out score so far against work, by case."""
    figure, axes = empty_figure(len(results))
    for axis, (name, ways) in zip(axes, results.items(), strict=True):
        for way, row in ways.items():
            axis.plot(np.array(row["work"]) / 1000, row["curve"], marker="o", markersize=3, label=way)
        unit = "passes" if name in (IMAGES, STEPS) else "episodes"
        axis.set(title=name, xlabel=f"thousand {unit}, a gradient's thrice", ylabel="best held-out score so far")
        axis.title.set_fontsize(10)
    axes[0].legend(frameon=False, fontsize=8)
    return figure


def answer(results: Results) -> str:
    """In words, with the numbers."""
    return " ".join(_of_case(name, ways) for name, ways in results.items())


def _of_case(name: str, ways: dict[str, dict[str, Any]]) -> str:
    rows = list(ways.values())
    digits = 3 if name in (IMAGES, STEPS) else 0
    tests = {way: row["test"] for way, row in ways.items()}
    means = {way: float(np.mean(each)) for way, each in tests.items()}
    best = max(means, key=lambda way: means[way])
    others = differences({way: each for way, each in tests.items() if way != best}, tests[best])
    behind = [way for way, each in others.items() if each.p < 0.05]
    # At equal seconds: where each was when the fastest had done its work. What stays where it is compiles to nothing.
    limit = min(row["seconds"][-1] for row in [row for row in rows if row["curve"][-1] > row["curve"][0]] or rows)
    by_time = {way: np.interp(limit, row["seconds"], row["curve"]) for way, row in ways.items()}
    first = max(by_time, key=lambda way: by_time[way])
    scores_of = ", ".join(f"{way} {mean:.{digits}f}" for way, mean in means.items())
    return (
        f"{name} ({rows[0]['weights']} weights, {rows[0]['start']:.{digits}f} at the start): {scores_of}; surely "
        f"behind {best} (p < 0.05, Holm): {', '.join(behind) or 'nobody'}; after {limit:.0f} s {first} leads."
    )


EXPERIMENT = Experiment(
    question="Evolution or gradient: which tunes the weights of a network better, at equal work and at equal seconds?",
    expected="gradient on images, CMA-ES in control below about 100 weights, evolution where gradients are 0",
    not_shown="larger networks or budgets; methods with settings chosen among more than two; seconds on other machines",
    run=run,
    draw=draw,
    answer=answer,
)
