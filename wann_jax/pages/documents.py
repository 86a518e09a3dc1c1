"""What the page's JavaScript is given of a network, a run and its champions.

In: networks, run directories, names. Out: plain data for JSON (assets/network.js and main.js tell the fields).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wann_jax.files import StrPath
from wann_jax.genomes.activation_ids import ACTIVATION_NAMES
from wann_jax.networks.files import load_info, load_network
from wann_jax.networks.layered import Topology
from wann_jax.report.drawing.layout import layout
from wann_jax.runs.directory import RunDirectory
from wann_jax.tasks.labels import Labels

# Tasks that the page has a world for (assets/worlds.js), by the world's name.
WORLDS = {
    "swingup": "swingup",
    "gymnax:CartPoleSwingUp-v0": "swingup",
    "gymnax:CartPole-v1": "cartpole",
    "gymnax:Pendulum-v1": "pendulum",
    "gymnax:MountainCar-v0": "mountain",
    "gymnax:MountainCarContinuous-v0": "hill",
}
MOST_CHAMPIONS = 40
MOST_CONNECTIONS = 40_000  # of all champions together: the page stays small
HISTORY = ("generation", "return_max", "return_median", "champion_score", "best_connections")
MOST_POINTS = 2000  # of a curve
_DIGITS = 4  # of places in a drawing


def network_document(topology: Topology, labels: Labels, weights: np.ndarray | None, words: str) -> dict[str, Any]:
    """One network: who is connected to whom, and where each node stands."""
    where = layout(topology, labels)

    def places(values: np.ndarray) -> list[float | None]:
        return [
            round(value, _DIGITS) if drawn else None
            for value, drawn in zip(values.tolist(), where.is_drawn.tolist(), strict=True)
        ]

    return {
        "words": words,
        "num_inputs": topology.num_inputs,
        "nodes": [[ACTIVATION_NAMES[node.activation], node.sources, node.connections] for node in topology.nodes],
        "outputs": topology.outputs,
        "x": places(where.x),
        "y": places(where.y),
        "bends": {f"{source},{target}": way.round(_DIGITS).tolist() for (source, target), way in where.bends.items()},
        "aspect": round(where.aspect, 3),
        "pixel": where.pixel,
        "weights": None if weights is None else [float(f"{weight:.9g}") for weight in weights.tolist()],
    }


def champion_documents(run: RunDirectory, labels: Labels) -> list[dict[str, Any]]:
    """The run's champions, the oldest first; if they are many, some of them, evenly spaced, with the last one."""
    files = run.champions()
    chosen = _evenly(files, MOST_CHAMPIONS)
    topologies = [Topology.of(load_network(file)) for file in chosen]
    total = sum(topology.num_connections for topology in topologies)
    if total > MOST_CONNECTIONS:
        kept = _evenly(range(len(chosen)), max(2, MOST_CONNECTIONS * len(chosen) // total))
        chosen, topologies = [chosen[index] for index in kept], [topologies[index] for index in kept]
    return [
        network_document(topology, labels, None, words_of(load_info(file)))
        for file, topology in zip(chosen, topologies, strict=True)
    ]


def history_document(run: RunDirectory) -> dict[str, list[Any]] | None:
    """Columns of the run's metrics; of a long run some rows, evenly spaced. None before the first generation."""
    rows = _evenly(run.read_metrics(), MOST_POINTS)
    return {name: [row.get(name) for row in rows] for name in HISTORY} if rows else None


def tuning_document(info: dict[str, Any]) -> dict[str, list[Any]] | None:
    """The curve of a tuned network; None of another."""
    curve = info.get("curve")
    looks = curve if isinstance(curve, list) else []
    if not looks or not all(isinstance(look, dict) and {"step", "best"} <= look.keys() for look in looks):
        return None
    return {"steps": [look["step"] for look in looks], "scores": [look["best"] for look in looks]}


def words_of(info: dict[str, Any]) -> str:
    """What the page calls a champion."""
    score = info.get("score")
    return f"generation {info.get('generation')}" + (f", score {score:.4g}" if isinstance(score, int | float) else "")


def _evenly(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, most).round().astype(int).tolist()]


def name_of(path: StrPath) -> str:
    """What a page calls a network file, a run or a name of the zoo."""
    return Path(path).resolve().name.removesuffix(".json") if Path(path).exists() else str(path)
