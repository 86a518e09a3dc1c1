"""What tuning adds: untrained, tuned shared weight, and tuned weights by every method at equal evaluations.

    python -m benchmarks.tuning NETWORK --task TASK --work 1.28e5 --name swingup [--data-dir DIR]

Work: episodes, or passes of one image. The protocol measures the best of each method; methods are compared by their
held-out scores, over seeds.
"""

import argparse
import dataclasses
import json
import statistics
from typing import Any

import numpy as np

import wann_jax as wann
from benchmarks.common import write_result
from wann_jax.analysis.protocol import size_of
from wann_jax.networks.files import load_network
from wann_jax.tasks.tunable import tunable
from wann_jax.tuning.api import METHODS


def main() -> None:
    """Tunes by every method and writes one result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("--task", required=True)
    parser.add_argument("--name", required=True, help="of the result file")
    parser.add_argument("--work", type=float, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON, of TuneConfig: for all methods")
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    task = tunable(wann.make_task(args.task, **({"data_dir": args.data_dir} if args.data_dir else {})))
    network = load_network(args.network, task.num_inputs, task.num_outputs)
    start = wann.best_shared_weight(task, network)
    document: dict[str, Any] = {"task": args.task, "work": args.work, **size_of(network), "best_shared_weight": start}
    document["untrained"] = wann.protocol(task, network)
    for method in args.methods.split(","):
        document[method] = tuned(task, network, start, method, args.work, args.seeds, args.settings)
        path = write_result(f"tuning_{args.name}", document)
    print(f"written: {path}")


def tuned(
    task: Any, network: Any, start: float, method: str, work: float, seeds: int, changes: dict[str, Any]
) -> dict[str, Any]:
    """One method over seeds: held-out scores of all, the protocol's row of the best by that score."""
    classifies = task.score_name == "accuracy"
    config = wann.TuneConfig.for_task(classifies, method, **changes)
    size = config.minibatch_size if classifies else config.episodes
    starts = config.restarts * (1 + len(config.shared_starts))
    runs = len(config.learning_rates) * starts if method == "adam" else config.population_size
    steps = max(10, round(work / (size * runs)))
    config = dataclasses.replace(config, steps=steps, validation_interval=max(1, steps // 20))
    results = [wann.tune(task, network, start, method, config, seed) for seed in range(seeds)]
    best = max(results, key=lambda result: result.score)
    row = next(r for r in wann.protocol(task, network, best.weights, seed=1) if r["row"] == "tuned weights")
    scores = [result.score for result in results]
    print(method, "held out", scores, "measured", row["mean"], flush=True)
    return {
        "settings": dataclasses.asdict(config),
        "start_score": best.start_score,
        "held_out_scores": scores,
        "held_out_mean": statistics.mean(scores),
        "held_out_std": float(np.std(scores)),
        "measured": row,
        "curves": [result.curve for result in results],
    }


if __name__ == "__main__":
    main()
