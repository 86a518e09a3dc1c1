"""Islands against one population of the same size: champions of five seeds, and how good they were after how much work.

    python -m benchmarks.islands [--processes N] [--seeds 5] [--generations N] [--kept FILE]

Preset `laptop` of each task; the arrangements differ in nothing but the islands, so tournaments are as large on an
island as in the whole population. Each run is a process with one thread. A run's figures are kept in FILE when it ends,
and runs that are there are not run again.
"""

import argparse
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import wann_jax as wann
from benchmarks.common import write_result
from benchmarks.search_quality import one_run
from wann_jax.analysis.experiments.base import Record, Setting
from wann_jax.tasks.registry import find_spec

GENERATIONS = {"swingup": 600, "digits": 120}  # so many take a core about half a minute
ARRANGEMENTS: dict[str, dict[str, int]] = {
    "one population": {"islands": 1},
    "4 islands": {"islands": 4, "migration_interval": 20, "migrants": 1},
}
EPISODES = 100  # fresh ones, of the champion at the end; images: all of the test split
POINTS = 50  # of each curve
FIGURES = ("champion_score", "champion_mean", "num_connections")


def measured(name: str, settings: dict[str, int], generations: int, seed: int) -> dict[str, Any]:
    """One run: its champion's score, on fresh episodes or test images too, and the score so far over work."""
    options = find_spec(name).preset(name, "laptop").options
    config = wann.SearchConfig.preset(name, "laptop", generations=generations, **settings)
    run = one_run(wann.make_task(name, **options), config, seed, EPISODES)
    curves = run.pop("curves")
    shown = [-(-generations * (point + 1) // POINTS) - 1 for point in range(POINTS)]
    thinned = {key: [curves[key][place] for place in shown] for key in ("work", "champion_score")}
    return {**run, "champion_score": curves["champion_score"][-1], "curves": thinned}


def summary_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Lowest, median and highest of each figure over the seeds, and the median curve."""
    figures = {name: sorted(run[name] for run in runs) for name in FIGURES}
    curves = {
        key: [statistics.median(values) for values in zip(*(run["curves"][key] for run in runs), strict=True)]
        for key in ("work", "champion_score")
    }
    spread = {name: [values[0], statistics.median(values), values[-1]] for name, values in figures.items()}
    return {**spread, "median_curves": curves}


def main() -> None:
    """Runs what is not kept yet, and writes the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, help="at a time; by default one for each core")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--generations", type=int, help=f"of each run; by default {GENERATIONS}")
    parser.add_argument("--tasks", nargs="+", default=[*GENERATIONS])
    parser.add_argument("--kept", type=Path, default=Path("islands.part.json"), help="where finished runs are kept")
    args = parser.parse_args()
    record = Record(args.kept, Setting(" ".join(args.tasks), args.seeds, is_quick=args.generations is not None))
    length = {name: args.generations or GENERATIONS[name] for name in args.tasks}
    jobs = {
        _label(name, length[name], arrangement, seed): partial(measured, name, settings, length[name], seed)
        for seed in range(args.seeds)
        for name in args.tasks
        for arrangement, settings in ARRANGEMENTS.items()
    }
    found = record.measured_all(jobs, processes=args.processes)
    rows = []
    for name in args.tasks:
        for arrangement, settings in ARRANGEMENTS.items():
            runs = [found[_label(name, length[name], arrangement, seed)] for seed in range(args.seeds)]
            facts = {"task": name, "arrangement": arrangement, "settings": settings, "generations": length[name]}
            rows.append({**facts, **summary_of(runs), "runs": runs})
            print(name, arrangement, {key: rows[-1][key] for key in FIGURES}, flush=True)
    print(f"written: {write_result('islands', {'preset': 'laptop', 'rows': rows})}")


def _label(name: str, generations: int, arrangement: str, seed: int) -> str:
    return f"{name}, {generations} generations, {arrangement}, seed {seed}"


if __name__ == "__main__":
    main()
