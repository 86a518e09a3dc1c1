"""What makes a policy work at any shared weight: searches for swing-up, one thing changed at a time, at equal episodes.

    python -m benchmarks.robust [--seeds 5] [--generations 1024] [--only ARM ...]

In: the arms below. Out: results/robust_swingup.json: each champion, as it is, lifted and with saturated outputs, on
fresh episodes: under random shared weights, uniform in [-2, 2], and under its best one. Searches run side by side, a
core each; what is in the file is not run again.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

import wann_jax as wann
from benchmarks.common import RESULTS, machine
from wann_jax.analysis.experiments.base import Record, Setting
from wann_jax.analysis.protocol import RANGE, best_shared_weight
from wann_jax.genomes.genome import Genome, GenomeSpec, grow
from wann_jax.genomes.grading import lifted, saturated
from wann_jax.genomes.graph import num_live_connections
from wann_jax.networks.compiling import express
from wann_jax.tasks.known.options import MAGNITUDES

EPISODE_SEED = 2**31 - 1  # of the fresh episodes: no search draws from it
EPISODES = 100
RANDOM_WEIGHTS = 1000
ROOM = 512  # hidden nodes of the largest champion that can be measured

THIRDS, JITTER = MAGNITUDES["shared_weights"], MAGNITUDES["weight_jitter"]
STRATA = dict(shared_weights=(*(-weight for weight in reversed(THIRDS)), *THIRDS), weight_jitter=JITTER)
SQUARES = tuple((index / 6) ** 2 for index in (1, 3, 5, 7, 9, 11))  # what connections weigh in a lifted network
GRADED = dict(graded_depth=2, population_size=128, **MAGNITUDES)  # as many episodes with half the weights
ARMS: dict[str, dict[str, Any]] = {
    "published weights": dict(weight_jitter=0.0),
    "published weights, jittered": dict(),
    "strata": STRATA,
    "strata, worst third": dict(objectives=("worst-third", "simplicity-or-best"), **STRATA),
    "squares, to be lifted": dict(shared_weights=SQUARES, weight_jitter=0.02),
    "graded": GRADED,
    "graded, depth 4": {**GRADED, "graded_depth": 4},
}
VARIANTS: dict[str, Callable[[Genome], Genome]] = {
    "as it is": lambda genome: genome,
    "lifted": lifted,
    "saturated": partial(saturated, copies=8),
}


def main() -> None:
    """Runs what is missing and writes the result file after each search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--generations", type=int, default=1024)
    parser.add_argument("--only", nargs="*", default=[*ARMS], choices=[*ARMS], metavar="ARM")
    parser.add_argument("--out", type=Path, default=RESULTS / "robust_swingup.json")
    args = parser.parse_args()
    record = Record(args.out, Setting(f"swingup, {args.generations} generations", args.seeds, False))
    jobs = {
        f"{arm}, seed {seed}": partial(one_run, arm, seed, args.generations)
        for seed in range(args.seeds)
        for arm in args.only
    }
    measured = record.measured_all(jobs)
    means = {
        arm: {
            variant: mean_of([measured[f"{arm}, seed {seed}"][variant] for seed in range(args.seeds)])
            for variant in variants_of(arm)
        }
        for arm in args.only
    }
    for arm, of_variant in means.items():
        print(arm, *(f"\n    {variant}: {mean}" for variant, mean in of_variant.items()))
    record.write({"machine": machine(), "means": means})


def one_run(arm: str, seed: int, generations: int) -> dict[str, Any]:
    """One search, and what its champion gives on fresh episodes."""
    task = wann.make_task("swingup")
    began = time.perf_counter()
    config = wann.SearchConfig.preset("swingup", "laptop", generations=generations, **ARMS[arm])
    result = wann.search(task, config, seed)
    facts = {"seconds": round(time.perf_counter() - began, 1), "work": float(np.sum(result.history.work))}
    changed = {name: VARIANTS[name](result.champion) for name in variants_of(arm)}
    return facts | {name: scores_of(task, genome, seed) for name, genome in changed.items()}


def variants_of(arm: str) -> list[str]:
    """Lifting is for networks of one sign."""
    return [name for name in VARIANTS if name != "lifted" or "lifted" in arm]


def scores_of(task: Any, genome: Genome, seed: int) -> dict[str, float]:
    """Returns of a champion under random shared weights, and under the one that is best on other episodes."""
    sizes = (task.num_inputs, task.num_outputs, task.hidden_activations, ROOM)
    network = _express(grow(genome, GenomeSpec.for_task(*sizes)))  # all of one size: one program evaluates them
    uniform = np.random.default_rng(seed).uniform(-RANGE, RANGE, RANDOM_WEIGHTS).tolist()
    random_shared = wann.evaluate(task, [network], uniform, episodes=1, seed=EPISODE_SEED)[0]
    best = best_shared_weight(task, network)
    tuned_shared = wann.evaluate(task, [network], [best], episodes=EPISODES, seed=EPISODE_SEED)[0]
    return {
        "random_shared": float(random_shared.mean()),
        "tuned_shared": float(tuned_shared.mean()),
        "weight": best,
        "live_connections": int(num_live_connections(genome)),
    }


def mean_of(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Means and deviations over seeds."""
    names = ("random_shared", "tuned_shared", "live_connections")
    return {
        name: [round(statistics.fmean(values), 1), round(statistics.stdev(values), 1) if len(values) > 1 else None]
        for name in names
        for values in [[run[name] for run in runs]]
    }


_express = jax.jit(express)


if __name__ == "__main__":
    main()
