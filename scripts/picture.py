"""Draws the README's picture, benchmarks/results/swingup.png, from the zoo's swing-up network and the logs beside it.

python scripts/picture.py
"""

import json
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import wann_jax as wann
from wann_jax.analysis.sweeping import sweep
from wann_jax.networks.files import load_info
from wann_jax.report.plots import BLUE, GREY, draw_sweep

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
NETWORK = "swingup"
EPISODES = 50


def main() -> None:
    """What evolution reaches, and what its result is worth at each shared weight."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    learning, weights = figure.subplots(1, 2, sharey=True)
    draw_learning(learning)
    draw_weights(weights)
    for axes in (learning, weights):
        axes.set_ylim(-30, 1000)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(RESULTS / "swingup.png", dpi=110)


def draw_learning(axes: Axes) -> None:
    """The champion's score on held-out episodes, for each seed."""
    runs = json.loads((RESULTS / "search_swingup_best_1024.json").read_text())["runs"]
    for run in runs:
        axes.plot(run["curves"]["champion_score"], color=BLUE, alpha=0.7, linewidth=1.3)
    axes.set_title(f"Evolving topologies: {len(runs)} seeds, no weight is trained", fontsize=10)
    axes.set_xlabel("generation")
    axes.set_ylabel("swing-up: mean return")


def draw_weights(axes: Axes) -> None:
    """The network's return at shared weights that it was not evolved at too, and with tuned weights."""
    network = wann.load_network(NETWORK)
    draw_sweep(axes, sweep(wann.make_task("swingup"), network, None, EPISODES))
    rows = {row["row"]: row["mean"] for row in load_info(NETWORK)["protocol"]}
    for row, style in (("tuned weights", "-"), ("random weights", ":")):
        axes.axhline(rows[row], color=GREY, linestyle=style, linewidth=1)
        axes.text(2.5, rows[row] + 12, row, color="#555555", fontsize=8, ha="right", va="bottom")
    axes.set_title(f"One network, one weight for all {network.num_connections} connections", fontsize=10)
    axes.set_xlabel("shared weight (return of the middle 80 % of episodes)")


if __name__ == "__main__":
    main()
