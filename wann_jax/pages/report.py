"""`wann report`: one page of a run or a network.

In: a run directory, a network file or a name of the zoo. Out: an HTML file that needs nothing but a browser.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

import wann_jax.version
from wann_jax.analysis import sweeping
from wann_jax.analysis.protocol import size_of
from wann_jax.errors import CheckpointError, require
from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.files import StrPath
from wann_jax.networks.files import load_info, load_network, load_weights
from wann_jax.networks.layered import Topology
from wann_jax.networks.network import Network
from wann_jax.pages import documents, measuring, rendering
from wann_jax.runs.directory import CONFIG_FILE, RunDirectory
from wann_jax.runs.origin import task_of
from wann_jax.runs.settings import RunSettings
from wann_jax.strictness import in_32_bits
from wann_jax.tasks.base import Task
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.tasks.registry import find_spec, labels_of, make_task

REPORT_FILE = "report.html"  # of a run
EPISODES = 20
LIVE_WEIGHT = 1.0  # that the slider begins at, if nobody knows a better one


@in_32_bits
def write_report(
    network: StrPath,
    out: StrPath,
    task: str | None = None,
    episodes: int = EPISODES,
    options: Mapping[str, Any] = MappingProxyType({}),
    replace: bool = False,
) -> Path:
    """Writes one self-contained HTML page of a run or a network.

    Args:
        network: a run directory, a network file or a name of the zoo.
        out: a new file, unless it may be replaced.
        task: a name from `wann tasks`; by default that of the run, or the one that the file names.
        episodes: for each of the 101 shared weights of the curve (control); 0: no curve.
        options: of the task, by name.
        replace: whether an older file may go.

    Returns:
        The file.

    Raises:
        ConfigError: if the task cannot be made, or an argument is out of range.
        DataError: for whatever is wrong with a file.
        CheckpointError: if `out` exists, or the run has not done a generation yet.
    """
    target = Path(out)
    require(replace or not target.exists(), "out", "a new file, nothing is overwritten", str(target), CheckpointError)
    require(episodes >= 0, "episodes", "at least 0", episodes)
    run = _run_of(network)
    name, given = task_of(network, task, options)
    made = make_task(name, **given)
    return rendering.write(target, "page.html.j2", _facts(network, run, name, made, episodes))


def _run_of(path: StrPath) -> RunDirectory | None:
    if not (Path(path) / CONFIG_FILE).is_file():
        return None
    run = RunDirectory.open(Path(path))
    rule = "one that has done a generation"
    require(bool(run.read_metrics()), "run", rule, f"{str(path)!r}, without metrics yet", CheckpointError)
    return run


def _facts(path: StrPath, run: RunDirectory | None, name: str, task: Task, episodes: int) -> dict[str, Any]:
    """All that the template asks for."""
    network = load_network(path, task.num_inputs, task.num_outputs)
    weights = load_weights(path, task.num_inputs, task.num_outputs)
    info, topology = load_info(path), Topology.of(network)
    settings = run.read_settings() if run else None
    labels = labels_of(name, task.num_inputs, task.num_outputs)
    shared = settings.config.shared_weights if settings else tuple(info.get("shared_weights", PUBLISHED_WEIGHTS))
    champions = documents.champion_documents(run, labels)[:-1] if run else []
    this = documents.network_document(topology, labels, weights, documents.words_of(info) if run else "")
    sweep = sweeping.sweep(task, network, weights, episodes) if episodes else None
    classifier = task if isinstance(task, ClassificationTask) else None
    data = {
        "world": documents.WORLDS.get(name),
        "labels": dataclasses.asdict(labels),
        "networks": [*champions, this],
        "weight": _best_of(sweep),
        "is_tuned": weights is not None,
        "weights": shared,
        "sweep": sweep,
        "history": documents.history_document(run) if run else None,
        "front": _front(run, settings, task) if run and settings else None,
        "tuning": documents.tuning_document(info),
        "examples": measuring.examples(classifier) if classifier else None,
    }
    return {
        "title": documents.name_of(path),
        "task": name,
        "summary": info.get("summary") or find_spec(name).summary,
        "size": size_of(network),
        "depth": len(topology.layers),
        "score_name": task.score_name,
        "info": info,
        "protocol": _protocol(info, name),
        "classes": _classes(classifier, network, weights, shared, labels.image) if classifier else None,
        "seen": isinstance(info.get("tuning"), dict) and bool(info["tuning"].get("refit")),
        "settings": _settings(settings),
        "versions": {"wann_jax": wann_jax.version.__version__, "jax": jax.__version__},
        "labels": labels,
        "data": data,
    }


def _best_of(sweep: dict[str, Any] | None) -> float:
    """The shared weight that the curve is highest at."""
    if sweep is None:
        return LIVE_WEIGHT
    return float(sweep["weights"][int(np.nan_to_num(sweep["middle"], nan=-np.inf).argmax())])


def _front(run: RunDirectory, settings: RunSettings, task: Task) -> dict[str, Any] | None:
    if not run.has_checkpoint():
        return None
    return measuring.last_front(task, run.load(task, settings), settings.config.shared_weights)


def _protocol(info: dict[str, Any], task: str) -> list[dict[str, Any]]:
    """Rows of the file with the paper's beside them; of rows of another form, none: a stranger may have made it."""
    listed = info.get("protocol")
    rows = [row for row in (listed if isinstance(listed, list) else []) if isinstance(row, dict) and _is_row(row)]
    published = find_spec(task).published
    return [row | {"published": published.get(row["row"], "")} for row in rows]


def _is_row(row: dict[str, Any]) -> bool:
    """Whether a row of the protocol is as the package writes it."""
    kinds = {"row": str, "mean": int | float, "std": int | float | None, "trials": int | float}
    fits = all(name in row and isinstance(row[name], kind) for name, kind in kinds.items())
    return fits and isinstance(row.get("weight", 0.0), int | float)


def _classes(
    task: ClassificationTask,
    network: Network,
    weights: np.ndarray | None,
    shared: tuple[float, ...],
    image: tuple[int, int] | None,
) -> dict[str, Any]:
    found = measuring.classification(task, network, weights, shared)
    for each in found["mistakes"]:
        pixels = each.pop("pixels")
        each["picture"] = measuring.as_picture(pixels, image or (1, len(pixels)))
    return found


def _settings(settings: RunSettings | None) -> dict[str, Any] | None:
    if settings is None:
        return None
    return {name: value for name, value in vars(settings).items() if name != "config"} | vars(settings.config)
