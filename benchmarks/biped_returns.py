"""Returns of networks in our walker and in Gymnasium's, from start to end.

    python -m benchmarks.biped_returns [NETWORK ...] [--grown 20] [--episodes 100] [--grown-episodes 30]

The networks named (files or run directories) at seven shared weights, and random networks grown by mutation at three.
A network at a weight agrees if the means differ by less than two standard errors of their difference, or 10 points.
Falls cost 100 in both. Needs the extra `box2d`. Writes results/biped_returns.json.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

os.environ.setdefault("WANN_CPU_DEVICES", "1")  # Gymnasium's environments run outside

import wann_jax as wann
from benchmarks.common import write_result
from benchmarks.genomes import random_genomes

TASKS = ("gymnax:BipedalWalker-v3", "gymnasium:BipedalWalker-v3")
WEIGHTS = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 2.0)
GROWN_WEIGHTS = (-1.5, 0.5, 1.5)
POINTS, ERRORS = 10.0, 2.0


def compare(networks: list[wann.Network], weights: tuple[float, ...], episodes: int) -> list[dict[str, Any]]:
    """One row for each network and weight; the two worlds have different episodes."""
    scores = [
        wann.evaluate(wann.make_task(task), networks, weights, episodes, seed=seed) for seed, task in enumerate(TASKS)
    ]
    means, errors = [s.mean(-1) for s in scores], [s.std(-1, ddof=1) / np.sqrt(episodes) for s in scores]
    rows = []
    for index in range(len(networks)):
        for w, weight in enumerate(weights):
            ours, theirs = (float(mean[index, w]) for mean in means)
            error = float(np.hypot(*(e[index, w] for e in errors)))
            agrees = abs(ours - theirs) <= max(ERRORS * error, POINTS)
            row = {"network": index, "weight": weight, "ours": ours, "gymnasium": theirs, "standard_error": error}
            rows.append(row | {"agrees": agrees, "within_two_errors": abs(ours - theirs) <= ERRORS * error})
    return rows


def main() -> None:
    """Compares and writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", type=Path, nargs="*")
    parser.add_argument("--grown", type=int, default=20)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--grown-episodes", type=int, default=30)
    options = parser.parse_args()
    genomes, spec = random_genomes(options.grown, 24, 4, 8, 40)
    grown = [wann.express(jax.tree.map(lambda leaf, i=i: leaf[i], genomes), spec) for i in range(options.grown)]
    rows = {"grown": compare(grown, GROWN_WEIGHTS, options.grown_episodes)}
    for path in options.networks:
        rows[path.stem] = compare([wann.load_network(path, 24, 4)], WEIGHTS, options.episodes)
    every = [row for group in rows.values() for row in group]
    document = {
        "compared": len(every),
        "agree": float(np.mean([row["agrees"] for row in every])),
        "within_two_standard_errors": float(np.mean([row["within_two_errors"] for row in every])),
        "rows": rows,
    }
    print(write_result("biped_returns", document).read_text())


if __name__ == "__main__":
    main()
