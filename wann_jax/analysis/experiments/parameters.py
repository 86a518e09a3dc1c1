"""What does a count of parameters hide? Networks of digits by connections, and by bits that describe them.

A description has log2 of the choices of so many connections, the activations of hidden nodes, and the weights: 32 bits
each, or fewer if they are rounded, or one number if they are shared.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

from wann_jax.analysis.baselines import dense_topology
from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.describing import Row, front, means_of, rounded_rows, shared_row, size_of
from wann_jax.analysis.experiments.racing import WAYS, race
from wann_jax.analysis.experiments.searching import evolved
from wann_jax.genomes.activation_ids import RELU
from wann_jax.networks.compiling import express
from wann_jax.networks.files import load_genome, load_network, load_weights
from wann_jax.networks.layered import Topology
from wann_jax.networks.network import Network
from wann_jax.report.plots import empty_figure
from wann_jax.tasks.registry import make_task
from wann_jax.ternary.api import search_ternary
from wann_jax.ternary.config import TernaryConfig

WIDTHS, PRUNED, EXACT = (2, 4, 8, 16, 32, 64), (150, 300, 600, 1200, 2400), (150, 300, 573, 1200)
WIDTH_TO_PRUNE, PASSES, BATCH, GENERATIONS, TERNARY_STEPS = 64, 1_000_000, 128, 400, 3000
DENSE, SPARSE = "dense", "pruned dense"
SHARED, TUNED, AGNOSTIC = "evolved, shared weight", "evolved, tuned", "exactly weight agnostic"
ZOO_SHARED, ZOO_TUNED = "zoo's evolved, shared weight", "zoo's evolved, tuned"


def run(record: Record, setting: Setting) -> Results:
    """Rows: arm, connections, bits, test accuracy, each a mean over seeds."""
    task: Any = make_task(setting.task)
    quick, passes = setting.is_quick, 0 if setting.is_quick else PASSES
    wide = dense_topology(task.num_inputs, WIDTH_TO_PRUNE, task.num_outputs, RELU)
    rows: list[Row] = []

    def add(name: str, measure: Callable[[], list[Row]]) -> None:
        rows.extend(means_of(record.measured(name, measure)))

    for width in WIDTHS[:1] if quick else WIDTHS:
        topology = dense_topology(task.num_inputs, width, task.num_outputs, RELU)
        add(f"{DENSE}, {width} nodes", partial(_trained, DENSE, task, topology, setting, passes, 0))
    for count in () if quick else PRUNED:
        add(f"{SPARSE}, {count}", partial(_trained, SPARSE, task, wide, setting, passes, count))
    if quick:
        add(AGNOSTIC, partial(_exact, task, load_network(f"{setting.task}-exact")))
        return {"rows": rows}
    add(ZOO_SHARED, partial(_of_zoo, task, setting.task))
    for count in EXACT:
        config = TernaryConfig(connections=count, steps=TERNARY_STEPS, restarts=setting.seeds)
        add(f"{AGNOSTIC}, {count}", lambda: _exact(task, search_ternary(task, config).network))  # noqa: B023 (at once)
    by_seed: list[Row] = []
    for seed in range(setting.seeds):
        by_seed += record.measured(f"evolved, seed {seed}", partial(_evolved, task, setting.task, seed))
    return {"rows": rows + means_of(by_seed)}


def _trained(arm: str, task: Any, topology: Topology, setting: Setting, passes: int, count: int) -> list[Row]:
    random = np.random.default_rng(0)
    starts = random.normal(size=(setting.seeds, topology.num_connections)) * np.sqrt(2 / topology.fan_in)
    found = race(task, topology, starts.astype(np.float32), WAYS[0], passes, BATCH, count)
    each = ((weights, size_of(topology, weights, is_dense=count == 0)) for weights in found.weights)
    return [row for weights, size in each for row in rounded_rows(arm, task, topology, weights, size)]


def _evolved(task: Any, name: str, seed: int) -> list[Row]:
    """An evolved network with its best shared weight, and tuned from there."""
    topology = Topology.of(jax.jit(express)(evolved(name, seed, GENERATIONS)))
    shared, start = shared_row(SHARED, task, topology)
    found = race(task, topology, start, WAYS[0], PASSES, BATCH)
    return [shared, *rounded_rows(TUNED, task, topology, found.weights[0], size_of(topology))]


def _of_zoo(task: Any, name: str) -> list[Row]:
    """The zoo's network from a long search: shared, and with the tuned weights of its file."""
    topology, weights = Topology.of(jax.jit(express)(load_genome(name))), load_weights(name)
    shared = shared_row(ZOO_SHARED, task, topology)[0]
    assert weights is not None  # all that classify have them
    return [shared, *rounded_rows(ZOO_TUNED, task, topology, weights, size_of(topology))]


def _exact(task: Any, network: Network) -> list[Row]:
    return [shared_row(AGNOSTIC, task, Topology.of(network))[0]]


def draw(results: Results) -> Figure:
    """Test accuracy against connections, and against bits; the front as a line."""
    (figure, axes), rows = empty_figure(2), results["rows"]
    for axis, cost in zip(axes, ("connections", "bits"), strict=True):
        for marker, arm in zip("osDd^v*", dict.fromkeys(row["arm"] for row in rows), strict=False):
            mine = [row for row in rows if row["arm"] == arm]
            axis.plot([row[cost] for row in mine], [row["test"] for row in mine], marker, markersize=5, label=arm)
        line = [(row[cost], row["test"]) for row in front(rows, cost)]
        axis.plot(*zip(*line, strict=True), color="#888888", linewidth=0.8, zorder=0)
        axis.set(xscale="log", xlabel="bits of a description" if cost == "bits" else cost, ylabel="test accuracy")
    axes[0].legend(frameon=False, fontsize=7)
    return figure


def answer(results: Results) -> str:
    """In words, with the numbers."""
    rows, parts, whole = results["rows"], [], "bits, if no weight is rounded"
    for name in ("connections", "bits", whole):
        some = [row for row in rows if name != whole or row["precision"] == 32]
        arms = [row["arm"] for row in front(some, name.partition(",")[0])]
        found = ", ".join(f"{arm} ({arms.count(arm)})" for arm in dict.fromkeys(arms))
        parts.append(f"on the front by {name}: {found}")
    for level in (0.8, 0.9, 0.95):
        able = [row for row in rows if row["test"] >= level]
        if able:
            few, short = (min(able, key=lambda row: row[cost]) for cost in ("connections", "bits"))
            parts.append(
                f"{level:g} takes at least {few['connections']:.0f} connections ({few['arm']}) and {short['bits']:.0f} "
                f"bits ({short['arm']}, {short['connections']:.0f} connections of {short['precision']:.0f} bits)"
            )
    for arm in (ZOO_SHARED, AGNOSTIC):
        mine = [row for row in rows if row["arm"] == arm]
        if mine:
            parts.append(_beside_others(max(mine, key=lambda row: row["test"]), rows))
    return f"{'. '.join(part[0].upper() + part[1:] for part in parts)}."


def _beside_others(row: Row, rows: list[Row]) -> str:
    """One network, and the best of another kind in as many bits."""
    others = [each for each in rows if each["bits"] <= row["bits"] and each["arm"] != row["arm"]]
    rival = max(others, key=lambda each: each["test"], default=None)
    beside = f"{rival['arm']}, {rival['test']:.3f}" if rival else "none"
    return (
        f"{row['arm']}: {row['test']:.3f} with {row['connections']:.0f} connections, {row['bits']:.0f} bits, of which "
        f"{row['choices']:.0f} choose connections and {row['activations']:.0f} activations; best other in "
        f"as many bits: {beside}"
    )


EXPERIMENT = Experiment(
    question="What does a count of parameters hide: do weight agnostic networks gain when bits are counted?",
    expected="they gain in bits: their information is in the wiring",
    not_shown="the shortest descriptions: all are upper bounds, and weights were rounded after training, not in it",
    run=run,
    draw=draw,
    answer=answer,
)
