"""The tables of benchmarks/README.md, made from the files in results/.

    python -m benchmarks.readme_table [--check]

`--check` changes nothing and fails if the table is not up to date.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS

README = Path(__file__).parent / "README.md"
PEERS = ("xla", "original", "tensorneat", "evosax", "evojax")
COMMAND = "python -m benchmarks.readme_table"


def main() -> int:
    """Writes the table into the page, or compares; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    text = README.read_text()
    wanted = text
    for name, table in (("benchmarks", kernel_table()), ("accelerators", accelerator_table())):
        wanted = with_table(wanted, name, table)
    if parser.parse_args().check:
        if text != wanted:
            print("benchmarks/README.md: the tables are not what results/ gives; run python -m benchmarks.readme_table")
        return int(text != wanted)
    README.write_text(wanted)
    return 0


def with_table(text: str, name: str, table: str) -> str:
    """The page's text with the table between its two marks."""
    begin, end = f"<!-- {name}: made by {COMMAND} -->", f"<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{table}\n{end}{after}"


def accelerator_table() -> str:
    """What programs would take on accelerators, as read off the compiled text."""
    document = load("accelerators")
    versions = document["machine"]
    lines = [
        f"Compiled ahead of time, never run; jax {versions['jax']}. All times are *modelled*.",
        "",
        "| program | target | kernels | launches | waits | GB moved | temporary GiB | modelled ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in document["rows"]:
        if row["launches"] is None:
            analysis = row.get("cost_analysis", {})
            told = f"{analysis.get('flops', 0) / 1e9:.3g} GFLOP for one round of each loop"
            cells = ["", "", "", f"{row['temporary_gib']:.2f}", f"({told})"]
        else:
            cells = [f"{row['launches']:,.0f}", f"{row['waits']:,.0f}", f"{row['gigabytes']:.3g}"]
            cells += [f"{row['temporary_gib']:.2f}", f"{row['modelled_ms']:.3g}"]
        lines.append(f"| {' | '.join([row['program'], row['target'], row['kernels'], *cells])} |")
    return "\n".join(lines)


def kernel_table() -> str:
    """Kernels, generations and scaling, as Markdown."""
    kernels, generation, scaling = (load(name) for name in ("kernels", "generation", "scaling"))
    rows = [kernel_cells(row) for row in kernels["rows"]]
    lines = [
        f"{describe(kernels['machine'])}; medians, compilation apart.",
        "",
        "| kernel | measured | quartiles | times faster than XLA kernel | original | TensorNEAT | evosax | EvoJAX "
        "| floor |",
        "|---|---|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(cells)} |" for cells in rows),
        "",
        "| generation | measured |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in generation_cells(generation)),
        *(f"| {name} | {value} |" for name, value in scaling_cells(scaling)),
    ]
    return "\n".join(lines)


def load(name: str) -> dict[str, Any]:
    """One result file."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def describe(machine: dict[str, Any]) -> str:
    """The machine in a few words."""
    name = machine.get("cpu", "cpu") if machine["device"] == "cpu" else machine["device"]
    return f"{name}, {machine['cores']} cores, jax {machine['jax']}, Python {machine['python']}"


def kernel_cells(row: dict[str, Any]) -> list[str]:
    """One kernel at one size."""
    chosen = row.get("native", row["xla"])
    ratios = row["times_faster_than"]
    others = [f"{ratios[name]:,.3g}" if name in ratios else "" for name in PEERS]
    floor = f"{row['floor_share']:.0%}" if "floor_share" in row else ""
    span = f"{number(chosen['lower_quartile'])} to {number(chosen['upper_quartile'])}"
    return [row["name"], f"{number(chosen['median'])} {row['unit']}", span, *others, floor]


def generation_cells(document: dict[str, Any]) -> list[tuple[str, str]]:
    """The rest of a generation."""
    cells = []
    for row in (document["mnist"], document["swingup"]):
        share, seconds = row["share_outside_evaluation"], row["seconds_per_generation"]
        cells.append((f"{row['name']}: a generation / outside evaluation", f"{seconds * 1e3:,.0f} ms / {share:.1%}"))
        cells.append((f"{row['name']}: compile time of a bucket", f"{row['compile_seconds']:.1f} s"))
    cells.append(("mnist, champion size: peak memory", f"{document['mnist']['peak_memory_gib']:.2f} GiB"))
    for row in document["parts"]:
        parts = ", ".join(f"{name} {milliseconds:.3g}" for name, milliseconds in row["milliseconds"].items())
        cells.append((f"population {row['population_size']}, champion-size MNIST genomes", f"{parts} ms"))
    cells += [
        (f"start: `wann {name}`", f"{seconds:.2f} s") for name, seconds in document["command_line_seconds"].items()
    ]
    return cells


def scaling_cells(document: dict[str, Any]) -> list[tuple[str, str]]:
    """How time grows."""

    def series(seconds: dict[str, float]) -> str:
        return ", ".join(f"{size}: {value * 1e3:.3g}" for size, value in seconds.items()) + " ms"

    faster = ", ".join(f"{name} {ratio:.2f}" for name, ratio in document["times_faster_on_2_devices"].items())
    return [
        ("evaluation by population (64 hidden nodes)", series(document["seconds_by_population"])),
        ("evaluation by hidden nodes (population 192, 4 connections each)", series(document["seconds_by_hidden"])),
        ("64 to 512 hidden nodes: time grows by (8 is linear)", f"{document['growth_64_to_512']:.2f}"),
        ("2 host devices against 1, times faster", faster),
    ]


def number(value: float) -> str:
    """Three digits that mean something; millions as such."""
    return f"{value / 1e6:.3g} M" if value >= 1e6 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
