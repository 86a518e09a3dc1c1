"""`wann report` and `wann compare`.

In: arguments. Out: an HTML page.
"""

import dataclasses
from pathlib import Path

import tyro

from wann_jax.cli.parsing import given, parse, with_task_options
from wann_jax.evolution.progress import waiting
from wann_jax.pages.comparing import write_comparison
from wann_jax.pages.documents import name_of
from wann_jax.pages.report import EPISODES, REPORT_FILE, write_report


@dataclasses.dataclass(frozen=True)
class ReportCommand:
    """One self-contained HTML page that shows a run or a network, and runs it in the browser."""

    network: tyro.conf.Positional[Path]
    """A run directory, a network file, or a name of the zoo."""
    out: Path | None = None
    """File to write; default: report.html in the run, or NETWORK.html here."""
    task: str | None = None
    """A name from `wann tasks`; default: the task of the run, or the one that the file names."""
    episodes: int = EPISODES
    """Episodes for each of the 101 shared weights of the curve (control); 0: no curve (it takes hours for real
    Gymnasium environments)."""


@dataclasses.dataclass(frozen=True)
class CompareCommand:
    """The curves of several runs in one HTML page."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run directories."""
    out: Path = Path("comparison.html")
    """File to write."""


def run_report(args: list[str]) -> int:
    """`wann report`; the exit status."""
    command = parse(with_task_options(ReportCommand), "report", args)
    in_run = command.out is None and command.network.is_dir()  # a run's own page is written anew
    out = command.network / REPORT_FILE if in_run else command.out or Path(f"{name_of(command.network)}.html")
    with waiting("report"):
        write_report(command.network, out, command.task, command.episodes, given(command.task_options), replace=in_run)
    print(f"written: {out}")
    return 0


def run_compare(args: list[str]) -> int:
    """`wann compare`; the exit status."""
    command = parse(CompareCommand, "compare", args)
    print(f"written: {write_comparison(command.runs, command.out)}")
    return 0
