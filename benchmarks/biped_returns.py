"""Returns of evolved networks in our walker and in Gymnasium's, from start to end.

    python -m benchmarks.biped_returns RUN [--networks 20] [--episodes 100]

The champion of a run at seven shared weights, and individuals of its last population, evenly spread, at three. A
network at a weight agrees if the means differ by less than two standard errors of their difference, or 10 points.
Falls cost 100 in both. Needs the extra `box2d`. Writes results/biped_returns.json.
"""

import argparse
from pathlib import Path
from typing import Any

import jax
import numpy as np

import wann_jax as wann
from benchmarks.common import write_result
from wann_jax.runs.directory import RunDirectory

TASKS = ("gymnax:BipedalWalker-v3", "gymnasium:BipedalWalker-v3")
WEIGHTS = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 2.0)
POPULATION_WEIGHTS = (-1.5, -0.5, 1.0)
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


def population_of(run: Path, count: int) -> list[wann.Network]:
    """Individuals of a run's last checkpoint, evenly spread."""
    directory = RunDirectory.open(run)
    settings = directory.read_settings()
    state = directory.load(settings.make_task(), settings)
    chosen = np.linspace(0, settings.config.population_size - 1, count).astype(int)
    return [wann.express(jax.tree.map(lambda leaf, i=i: leaf[i], state.genomes)) for i in chosen]


def main() -> None:
    """Compares and writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--networks", type=int, default=20)
    parser.add_argument("--episodes", type=int, default=100)
    options = parser.parse_args()
    rows = {
        "population": compare(population_of(options.run, options.networks), POPULATION_WEIGHTS, options.episodes),
        "champion": compare([wann.load_network(options.run, 24, 4)], WEIGHTS, options.episodes),
    }
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
