"""One network in our environment and in Gymnasium's: its return at every shared weight."""

import argparse
import os
from pathlib import Path
from typing import Any

os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])  # where they find what is ours

import jax
import jax.numpy as jnp

import wann_jax as wann
from benchmarks.common import write_result
from wann_jax.analysis.protocol import size_of
from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.networks.files import load_weights
from wann_jax.networks.layered import Topology
from wann_jax.runs.origin import task_of
from wann_jax.tasks.tunable import tunable


def compare_worlds(name: str, description: str | None, trials: int, worlds: dict[str, str], **choice: Any) -> None:
    """Reads the command line, evaluates in every world (tasks by name; ours first) and writes results/NAME.json.

    The best shared weight is chosen on episodes of our own environment, as `choice` says (see best_shared_weight).
    Where the network's file has tuned weights, they are evaluated too.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("network", type=Path)
    parser.add_argument("--episodes", type=int, default=trials)
    options = parser.parse_args()
    tasks = {world: wann.make_task(task, **task_of(options.network, task)[1]) for world, task in worlds.items()}
    ours = tunable(next(iter(tasks.values())))
    network = wann.load_network(options.network, ours.num_inputs, ours.num_outputs)
    best = wann.best_shared_weight(ours, network, **choice)
    weights = (*PUBLISHED_WEIGHTS, best)
    document: dict[str, Any] = {"episodes": options.episodes, "best_shared_weight": best, **size_of(network)}
    own_weights = load_weights(options.network)
    for seed, (world, task) in enumerate(tasks.items()):
        returns = wann.evaluate(task, [network], weights, options.episodes, seed=seed)[0]
        document[world] = {
            "mean_of_six": float(returns[:-1].mean()),
            "best_weight": float(returns[-1].mean()),
            "by_weight": {f"{w:g}": [float(r.mean()), float(r.std())] for w, r in zip(weights, returns, strict=True)},
        }
        if own_weights is not None:
            vector = jnp.asarray(own_weights)[None, None]
            key = jax.random.key(seed)  # the same episodes
            tuned = tunable(task).score_weights(Topology.of(network), vector, key, options.episodes, "test")[0]
            document[world]["tuned_weights"] = [float(tuned.mean()), float(tuned.std())]
        print(world, document[world], flush=True)
        write_result(name, document)
