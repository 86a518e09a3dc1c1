"""What accuracy or return each model gives for its number of connections: one picture and one table.

    python -m benchmarks.pareto mnist

Reads the zoo's card of the task and the baselines in results/ (`wann baseline ... --out results/baseline_...json`);
writes results/pareto_TASK.json and .png.
"""

import argparse
import json
from typing import Any, NamedTuple

import matplotlib

from benchmarks.common import RESULTS, write_result
from wann_jax import zoo
from wann_jax.networks.files import load_info

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# What the paper reports: connections, score, what. Section 2 and table 2 of Gaier & Ha 2019.
PAPER = {
    "mnist": ((1849, 0.919, "paper's WANN, tuned shared weight"), (1849, 0.942, "paper's WANN, tuned weights")),
    "swingup": ((52, 723.0, "paper's WANN, tuned shared weight"), (52, 932.0, "paper's WANN, tuned weights")),
}
MARKERS = {"wann": "o", "baseline": "s", "paper": "^"}
LINE = 9.0  # points from one label to the next
SHOWN_ROWS = ("random shared weight", "tuned shared weight", "ensemble, one vote each", "tuned weights")


class Point(NamedTuple):
    """One model."""

    kind: str  # wann, baseline or paper
    what: str
    connections: int
    score: float  # test accuracy or mean return
    std: float | None


def main() -> None:
    """Collects the points of one task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    task = parser.parse_args().task
    points = sorted([*zoo_points(task), *baseline_points(task), *paper_points(task)], key=lambda p: -p.score)
    path = write_result(f"pareto_{task}", {"task": task, "points": [point._asdict() for point in points]})
    draw(points, task).savefig(path.with_suffix(".png"), dpi=120)
    for point in points:
        print(f"{point.connections:8,}  {point.score:8.4g}  {point.what}")


def zoo_points(task: str) -> list[Point]:
    """Rows of the protocol of every zoo network for the task; of pruned ones, no longer agnostic, the tuned weights."""
    cards = [(name, info) for name in zoo.names() if (info := load_info(name))["task"] == task]
    return [
        Point("wann", f"{name}, {row['row']}", info["num_live_connections"], row["mean"], row["std"])
        for name, info in cards
        for row in info["protocol"]
        if row["row"] in (SHOWN_ROWS[-1:] if info.get("tuning", {}).get("connections") else SHOWN_ROWS)
    ]


def baseline_points(task: str) -> list[Point]:
    """Every baseline in results/."""
    documents: list[dict[str, Any]] = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("baseline_*.json"))]
    return [
        Point(
            "baseline",
            document["baseline"],
            document["connections"],
            float(document["test_accuracy" if "test_accuracy" in document else "test_return"]),
            document.get("test_return_std"),
        )
        for document in documents
        if document["task"] == task
    ]


def paper_points(task: str) -> list[Point]:
    """The paper's own."""
    return [Point("paper", what, connections, score, None) for connections, score, what in PAPER.get(task, ())]


def dominates(one: Point, other: Point) -> bool:
    """At least as good with no more connections, and better in one of the two."""
    better = one.score >= other.score and one.connections <= other.connections
    return better and (one.score, one.connections) != (other.score, other.connections)


def draw(points: list[Point], task: str) -> Any:
    """Score against connections; the line joins the points that no other dominates."""
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for kind, marker in MARKERS.items():
        chosen = [point for point in points if point.kind == kind]
        shown = kind if chosen else None
        sizes, scores = [p.connections for p in chosen], [p.score for p in chosen]
        axes.scatter(sizes, scores, marker=marker, label=shown, zorder=3)
    front = [point for point in points if not any(dominates(other, point) for other in points)]
    front.sort(key=lambda point: point.connections)
    axes.plot([p.connections for p in front], [p.score for p in front], color="0.7", zorder=1)
    axes.set(xscale="log", xlabel="connections", ylabel="test accuracy" if task != "swingup" else "mean return")
    axes.set_title(f"{task}: score against number of connections")
    axes.margins(x=0.6)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.draw_without_rendering()  # places the axes, which the labels go by
    label(points, axes)
    return figure


def label(points: list[Point], axes: Any) -> None:
    """Names, best first, of our networks to the left, of others to the right; down a line where they would meet."""
    heights: dict[tuple[str, int], float] = {}
    for point in points:
        place = (point.connections, point.score)
        height = axes.transData.transform(place)[1] * 72 / axes.figure.dpi
        right, alignment = (-9, "right") if point.kind == "wann" else (9, "left")
        near = [at - LINE for (side, x), at in heights.items() if side == alignment and x < 4 * place[0] < 16 * x]
        lowest = heights[alignment, place[0]] = min([height, *near])
        axes.annotate(
            point.what,
            place,
            (right, lowest - height),
            textcoords="offset points",
            fontsize=7,
            ha=alignment,
            va="center",
            arrowprops=dict(arrowstyle="-", linewidth=0.4, color="0.6", shrinkA=0, shrinkB=0),
        )


if __name__ == "__main__":
    main()
