"""Does a random weight for each connection fail because of its sign?

Networks of digits keep their topology; one shared weight gets, for each connection, a flipped sign with a probability,
or a magnitude with log-normal noise. Arms: an evolved network, an exactly weight agnostic one, random topologies of the
evolved one's size. A draw is one weight vector; accuracy is that on the validation images. And searches: under shared
weights, and under individual random ones.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from wann_jax.analysis.evaluation import score_weights
from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.individually import searches
from wann_jax.analysis.experiments.statistics import interquartile_mean
from wann_jax.analysis.protocol import best_shared_weight
from wann_jax.genomes.activation_ids import LINEAR
from wann_jax.genomes.building import build_genome
from wann_jax.genomes.genome import Genome
from wann_jax.networks.compiling import express
from wann_jax.networks.files import load_genome
from wann_jax.networks.layered import Topology
from wann_jax.networks.network import Network
from wann_jax.report.plots import empty_figure
from wann_jax.tasks.registry import make_task

FLIPS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
NOISES = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)
BOUND = 0.5  # of accuracy, under signs that are as likely as their opposites (ARCHITECTURE.md, Graded networks)
EVOLVED, EXACT, RANDOM = "evolved", "exactly weight agnostic", "random topology"


def run(record: Record, setting: Setting) -> Results:
    """Accuracies by arm, kind of noise and amount."""
    task: Any = make_task(setting.task)
    draws = 20 if setting.is_quick else 1000
    evolved = load_genome("digits")
    networks = {EVOLVED: [evolved], EXACT: [load_genome("digits-exact")]}
    networks[RANDOM] = [shuffled(evolved, seed) for seed in range(setting.seeds)]
    found: Results = {"draws": draws, "arms": {}}
    for arm, genomes in networks.items():
        rows: dict[str, list[dict[str, Any]]] = {"flips": [], "noises": []}
        for kind, levels in (("flips", FLIPS), ("noises", NOISES)):
            for level in levels:
                scores = [
                    record.measured(
                        f"{arm} {index}, {kind} {level}", partial(_moments, task, genome, kind, level, draws)
                    )
                    for index, genome in enumerate(genomes)
                ]
                mean, square = np.mean(scores, axis=0).tolist()  # over networks, each with as many draws
                rows[kind].append({"level": level, "mean": mean, "std": max(square - mean**2, 0.0) ** 0.5})
        found["arms"][arm] = rows
    return found | {"searches": searches(record, setting)}


def _moments(task: Any, genome: Genome, kind: str, level: float, draws: int) -> tuple[float, float]:
    """Means of the accuracies of so many draws, and of their squares."""
    scores = np.array(_scores(task, genome, kind, level, draws))
    return float(scores.mean()), float(np.square(scores).mean())


def _scores(task: Any, genome: Genome, kind: str, level: float, draws: int) -> list[float]:
    """Accuracies of so many weight vectors around the best shared weight."""
    network: Network = jax.jit(express)(genome)
    weight = best_shared_weight(task, network, grid_step=0.25)
    topology, random = Topology.of(network), np.random.default_rng(0)
    shape = (draws, topology.num_connections)
    if kind == "flips":
        factors = np.where(random.uniform(size=shape) < level, -1.0, 1.0)
    else:
        factors = np.exp(level * random.normal(size=shape))
    vectors = jnp.asarray(weight * factors, jnp.float32)[:, None]
    return np.asarray(score_weights(task, topology, vectors, jax.random.key(0), 1, "validation"))[:, 0].tolist()


def shuffled(genome: Genome, seed: int) -> Genome:
    """A random topology with as many nodes and connections: the same targets and activations, sources drawn anew."""
    random, host, spec = np.random.default_rng(seed), jax.tree.map(np.asarray, genome), genome.spec
    enabled = np.asarray(genome.enabled_mask)
    layer = host.node_layer
    num_nodes = int(host.num_nodes)
    pairs: set[tuple[int, int]] = set()
    is_source = np.ones(num_nodes, bool)
    is_source[spec.first_output : spec.num_fixed] = False
    for target in host.conn_target[enabled].tolist():
        below = np.flatnonzero(is_source & (layer[:num_nodes] < layer[target]))
        free = [int(source) for source in below if (int(source), target) not in pairs]
        pairs.add((int(random.choice(free)), target))
    hidden = host.node_activation[spec.num_fixed : num_nodes].tolist()
    sizes, marks = (spec.num_inputs, spec.num_outputs), host.node_mark[spec.num_fixed : num_nodes].tolist()
    return build_genome("random", sizes, [LINEAR] * spec.num_outputs + hidden, marks, sorted(pairs), [])


def draw(results: Results) -> Figure:
    """Accuracy against flips and against noise, with the bound for random signs."""
    figure, axes = empty_figure(2)
    for axis, kind, label in zip(
        axes, ("flips", "noises"), ("flipped signs", "deviation of log magnitude"), strict=True
    ):
        for arm, rows in results["arms"].items():
            levels, means, spread = (np.array([row[name] for row in rows[kind]]) for name in ("level", "mean", "std"))
            (line,) = axis.plot(levels, means, marker="o", markersize=4, label=arm if kind == "flips" else None)
            axis.fill_between(levels, means - spread, means + spread, color=line.get_color(), alpha=0.15, linewidth=0)
        axis.set(xlabel=label, ylabel="validation accuracy", ylim=(0, 1))
    axes[0].axhline(BOUND, color="#888888", linestyle="--", linewidth=1, label="bound at half")
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def answer(results: Results) -> str:
    """In words, with the numbers."""

    def at(arm: str, kind: str, level: float) -> float:
        mean: float = next(row["mean"] for row in results["arms"][arm][kind] if row["level"] == level)
        return mean

    parts = [
        f"{arm}: {at(arm, 'flips', 0.0):.3f} at one weight, {at(arm, 'flips', 0.1):.3f} with a tenth of the signs "
        f"flipped, {at(arm, 'flips', 0.5):.3f} with half; {at(arm, 'noises', 0.4):.3f} with log-normal noise of 0.4 on "
        f"magnitudes, {at(arm, 'noises', 1.6):.3f} with 1.6"
        for arm in results["arms"]
    ]
    worst = max(at(arm, "flips", 0.5) for arm in results["arms"])
    searches = {
        arm: " and ".join(f"{interquartile_mean(row[under]):.3f} under {under} random weights" for under in row)
        for arm, row in results["searches"].items()
    }
    more = "; ".join(f"searched under {arm} ones, a network has {told}" for arm, told in searches.items())
    bound = "is kept" if worst <= BOUND else "is BROKEN"
    kept = f"The bound of {BOUND:g} under random signs {bound} (largest mean {worst:.3f})"
    return f"{'. '.join(parts)}. {kept}. Test accuracy of short searches: {more}."


EXPERIMENT = Experiment(
    question="Does a random weight for each connection fail because of its sign?",
    expected="graceful in magnitude, collapse by a tenth of flipped signs, never above one half under random signs",
    not_shown="one task; nothing of longer searches under individual random weights",
    run=run,
    draw=draw,
    answer=answer,
)
