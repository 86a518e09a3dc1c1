"""One network in our environment and in Gymnasium's: under random shared weights, its best one, and tuned weights."""

import argparse
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])  # where they find what is ours

import jax
import jax.numpy as jnp
import numpy as np

import wann_jax as wann
from benchmarks.common import RESULTS, write_result
from wann_jax.analysis.protocol import RANGE, size_of
from wann_jax.genomes.graph import num_live_connections
from wann_jax.networks.files import load_weights
from wann_jax.networks.layered import Topology
from wann_jax.runs.origin import task_of
from wann_jax.tasks.tunable import tunable

RANDOM_SEED = 1  # of the random weights
GROUP = 5  # random weights on the same episode
EPISODE_SEED = 2**31 - 1  # of the episodes, in every world: no search and no tuning draws from it


def compare_worlds(name: str, description: str | None, worlds: dict[str, str], **choice: Any) -> None:
    """Reads the command line, evaluates in every world (tasks by name; ours first) and writes results/NAME.json.

    The best shared weight is chosen on episodes of our own environment, as `choice` says (see best_shared_weight).
    Where the network's file has tuned weights, they are evaluated too.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--worlds", nargs="+", default=[*worlds], choices=[*worlds])
    options = parser.parse_args()
    tasks = {world: wann.make_task(task, **task_of(options.network, task)[1]) for world, task in worlds.items()}
    ours = tunable(next(iter(tasks.values())))
    network = wann.load_network(options.network, ours.num_inputs, ours.num_outputs)
    best = wann.best_shared_weight(ours, network, **choice)
    random = np.random.default_rng(RANDOM_SEED).uniform(-RANGE, RANGE, (-(-options.episodes // GROUP), GROUP))
    tuned = load_weights(options.network)
    path = RESULTS / f"{name}_{options.network.stem}.json"
    document: dict[str, Any] = json.loads(path.read_text())["worlds"] if path.exists() else {}
    for world in options.worlds:
        task = tasks[world]
        evaluate = partial(wann.evaluate, task, [network])
        # The weights of one call have the same episodes, so few of them go together.
        groups = [evaluate(some.tolist(), 1, EPISODE_SEED + place) for place, some in enumerate(random)]
        rows = {
            "random shared": np.concatenate(groups, axis=1),
            "tuned shared": evaluate([best], options.episodes, EPISODE_SEED),
        }
        if tuned is not None:
            key, vector = jax.random.key(EPISODE_SEED), jnp.asarray(tuned)[None, None]
            scores = tunable(task).score_weights(Topology.of(network), vector, key, options.episodes, "test")
            rows["tuned weights"] = np.asarray(scores)
        document[world] = {row: [float(np.mean(of_row)), float(np.std(of_row))] for row, of_row in rows.items()}
        print(world, document[world], flush=True)
        facts = {"episodes": options.episodes, "best_shared_weight": best, **size_of(network)}
        write_result(path.stem, {**facts, "live_connections": live(options.network), "worlds": document})


def live(path: Path) -> int:
    """The connections that count."""
    return int(num_live_connections(wann.load_genome(path)))
