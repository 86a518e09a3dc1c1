"""A walker in both worlds: its return at every shared weight, in our environment and in Gymnasium's.

    python -m benchmarks.biped_champion NETWORK [--episodes 50]

The best shared weight is chosen on episodes of our own environment. Falls cost nothing more, as in the paper's search;
Gymnasium's returns with its -100 stand beside them. Needs the extra `box2d`. Writes results/biped_champion.json.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("WANN_CPU_DEVICES", "1")  # Gymnasium's environments run outside
os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])  # where they find the walker without penalty

import wann_jax as wann
from benchmarks.common import write_result
from wann_jax.config import PUBLISHED_WEIGHTS
from wann_jax.protocol import size_of
from wann_jax.tasks.tunable import tunable

WORLDS = {
    "ours": "biped",
    "gymnasium": "gymnasium:benchmarks.walker_without_penalty:WalkerWithoutPenalty-v3",
    "gymnasium_with_penalty": "gymnasium:BipedalWalker-v3",
}


def main() -> None:
    """Evaluates and writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network", type=Path)
    parser.add_argument("--episodes", type=int, default=50)
    options = parser.parse_args()
    network = wann.load_network(options.network, 24, 4)
    best = wann.best_shared_weight(tunable(wann.make_task("biped")), network)
    weights = (*PUBLISHED_WEIGHTS, best)
    document: dict[str, object] = {"episodes": options.episodes, "best_shared_weight": best, **size_of(network)}
    for seed, (world, name) in enumerate(WORLDS.items()):
        returns = wann.evaluate(wann.make_task(name), [network], weights, options.episodes, seed=seed)[0]
        document[world] = {
            "mean_of_six": float(returns[:-1].mean()),
            "best_weight": float(returns[-1].mean()),
            "by_weight": {f"{w:g}": [float(r.mean()), float(r.std())] for w, r in zip(weights, returns, strict=True)},
        }
        print(world, document[world], flush=True)
    write_result("biped_champion", document)


if __name__ == "__main__":
    main()
