"""A network under many random shared weights: python -m benchmarks.random_shared NETWORK [--weights 50] [--episodes 4].

In: a network file, run directory or name of the zoo. Out: results/random_shared_NAME.json: mean, deviation, the mean's
standard error (over weights, since episodes of one weight go together) and the deviation within a weight.
"""

import argparse
from pathlib import Path

import numpy as np

import wann_jax as wann
from benchmarks.common import write_result
from wann_jax.analysis.protocol import RANGE
from wann_jax.runs.origin import task_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("--task")
    parser.add_argument("--weights", type=int, default=50)
    parser.add_argument("--episodes", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    name, options = task_of(args.network, args.task)
    task = wann.make_task(name, **options)
    network = wann.load_network(args.network, task.num_inputs, task.num_outputs)
    weights = np.random.default_rng(args.seed).uniform(-RANGE, RANGE, args.weights)
    scores = wann.evaluate(task, [network], weights.tolist(), args.episodes, args.seed)[0]
    of_weights = scores.mean(1)
    document = {
        "network": Path(args.network).stem,
        "task": name,
        "weights": args.weights,
        "episodes": args.episodes,
        "mean": float(scores.mean()),
        "std": float(scores.std()),
        "standard_error": float(of_weights.std(ddof=1) / np.sqrt(args.weights)),
        "std_within_weight": float(np.sqrt(scores.var(1, ddof=1).mean())) if args.episodes > 1 else None,
        "share_of_weights_above_100": float((of_weights > 100).mean()),
    }
    print(document)
    print(f"written: {write_result(f'random_shared_{Path(args.network).stem}', document)}")


if __name__ == "__main__":
    main()
