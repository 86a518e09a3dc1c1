"""How good searches get: several seeds of a preset, each champion on fresh episodes or held-out images.

python -m benchmarks.search_quality swingup --preset laptop --generations 300 --seeds 5
python -m benchmarks.search_quality swingup --preset best --set crossover_probability=0.3 --label crossover
"""

import argparse
import ast
import statistics
import time
from typing import Any

import numpy as np

import wann_jax as wann
from benchmarks.common import peak_memory_gib, write_result
from wann_jax.genomes.graph import num_live_connections
from wann_jax.tasks.registry import find_spec

EPISODE_SEED = 2**31 - 1  # of the fresh episodes: no search draws from it
RANDOM_WEIGHTS = 1000


def main() -> None:
    """Runs the searches and writes one result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--preset", default="laptop")
    parser.add_argument("--generations", type=int)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--data-dir")
    parser.add_argument("--set", nargs="*", default=[], metavar="SETTING=NUMBER", help="other than the preset's")
    parser.add_argument("--label", help="of the result file, for other settings")
    args = parser.parse_args()
    task = wann.make_task(args.task, **task_options(args))
    changes: dict[str, Any] = {} if args.generations is None else {"generations": args.generations}
    for word in args.set:
        name, _, value = word.partition("=")
        changes[name] = ast.literal_eval(value)
    config = wann.SearchConfig.preset(args.task, args.preset, **changes)
    runs = []
    for seed in range(args.seeds):
        runs.append(one_run(task, config, seed, args.episodes))
        summary = {
            "task": args.task,
            "preset": args.preset,
            "config": vars(config),
            "champion_mean_median_over_seeds": statistics.median(run["champion_mean"] for run in runs),
            "random_shared_median_over_seeds": statistics.median(run["random_shared_mean"] for run in runs),
            "runs": runs,
        }
        label = f"_{args.label}" if args.label else ""
        path = write_result(f"search_{args.task}_{args.preset}_{config.generations}{label}", summary)
        print({name: value for name, value in runs[-1].items() if name != "curves"}, flush=True)
    print(f"written: {path}")


def task_options(args: argparse.Namespace) -> dict[str, Any]:
    """What the preset says of the task, and where its data is."""
    options = find_spec(args.task).preset(args.task, args.preset).options
    return {**options} | ({"data_dir": args.data_dir} if args.data_dir else {})


def one_run(task: wann.Task, config: wann.SearchConfig, seed: int, episodes: int) -> dict[str, Any]:
    """One search and its champion's scores."""
    began = time.perf_counter()
    result = wann.search(task, config, seed)
    seconds = time.perf_counter() - began
    peak_memory = peak_memory_gib()
    network = [result.network]
    scores = wann.evaluate(task, network, config.shared_weights, episodes=episodes, seed=EPISODE_SEED)[0]
    uniform = np.random.default_rng(seed).uniform(-2.0, 2.0, RANDOM_WEIGHTS).tolist()
    shared = wann.evaluate(task, network, uniform, episodes=1, seed=EPISODE_SEED)[0]
    history = result.history
    assert history is not None
    names = ("return_median", "return_max", "champion_score", "best_connections", "best_hidden")
    work = np.cumsum(np.asarray(history.work, np.float64))
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "peak_memory_gib": round(peak_memory, 2),
        "champion_mean": float(scores.mean()),
        "champion_by_weight": scores.mean(-1).tolist(),
        "random_shared_mean": float(shared.mean()),
        "random_shared_std": float(shared.std()),
        "num_connections": int(result.network.num_connections),
        "num_live_connections": int(num_live_connections(result.champion)),
        "num_hidden": int(result.champion.num_hidden),
        "work": float(work[-1]),
        "curves": {"work": work.tolist()} | {name: np.round(getattr(history, name), 4).tolist() for name in names},
    }


if __name__ == "__main__":
    main()
