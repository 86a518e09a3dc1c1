"""Tables of scores.

In: scores [W, R] of one network and its facts. Out: text for a terminal, or a document for JSON.
"""

from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from wann_jax.genomes.genome import Genome
from wann_jax.genomes.graph import num_live_connections


def score_document(weights: tuple[float, ...], scores: np.ndarray, genome: Genome, **facts: Any) -> dict[str, Any]:
    """Mean, deviation and number of episodes for each weight and over all, and the network's size."""
    with np.errstate(invalid="ignore"):  # scores that are not finite have no mean
        rows = [
            {"weight": weight, "mean": float(row.mean()), "std": float(row.std()), "episodes": len(row)}
            for weight, row in zip(weights, scores, strict=True)
        ]
        overall = {"mean": float(scores.mean()), "std": float(scores.std())}
    return {
        **facts,
        **overall,
        "weights": rows,
        "num_connections": int(genome.num_enabled),
        "num_live_connections": int(num_live_connections(genome)),
        "num_hidden": int(genome.num_hidden),
        "num_nodes": int(genome.num_nodes),
    }


def print_rows(document: dict[str, Any]) -> None:
    """The protocol's rows as a table on standard output."""
    rows, table = document["rows"], Table()
    table.add_column("weights")
    more = [name for name in ("std_within_weight", "median") if any(row.get(name) is not None for row in rows)]
    names = {"std": "deviation", "std_within_weight": "within a weight"}
    columns = ["mean", "std", *more, "trials"]
    for name in columns:
        table.add_column(names.get(name, name), justify="right")
    for row in rows:
        weight = f" {row['weight']:.4g}" if "weight" in row else ""
        values = [row.get(name) for name in columns]
        table.add_row(row["row"] + weight, *("" if value is None else f"{value:.4g}" for value in values))
    console = Console()
    console.print(table)
    counts = connections_in_words(document["connections"], document["live_connections"])
    console.print(f"{counts}, {document['hidden']} hidden nodes")


def print_facts(document: dict[str, Any]) -> None:
    """Names and values as a table on standard output, lists left out."""
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in document.items():
        if not isinstance(value, list | dict):
            table.add_row(name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
    Console().print(table)


def print_scores(document: dict[str, Any], score_name: str) -> None:
    """The document as a table on standard output."""
    table = Table(title=escape(document.get("title", "")) or None, title_justify="left")
    table.add_column("shared weight", justify="right")
    table.add_column(f"mean {score_name}", justify="right")
    table.add_column("deviation", justify="right")
    table.add_column("episodes" if score_name == "return" else "passes over the split", justify="right")
    for row in document["weights"]:
        table.add_row(f"{row['weight']:g}", f"{row['mean']:.4g}", f"{row['std']:.3g}", str(row["episodes"]))
    table.add_section()
    table.add_row("all", f"{document['mean']:.4g}", f"{document['std']:.3g}", "")
    console = Console()
    console.print(table)
    counts = connections_in_words(document["num_connections"], document["num_live_connections"])
    console.print(f"{counts}, {document['num_nodes']} nodes ({document['num_hidden']} hidden)")


def connections_in_words(connections: int, live: int) -> str:
    """How many there are; where some lead nowhere, how many live ones among them."""
    return f"{connections} connections" if live == connections else f"{live} live connections of {connections}"
