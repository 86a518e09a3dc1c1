"""`wann compare`: the curves of several runs in one page.

In: run directories. Out: an HTML file that needs nothing but a browser.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

import wann_jax.version
from wann_jax.errors import CheckpointError, require
from wann_jax.files import StrPath
from wann_jax.pages import documents, rendering
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.settings import RunSettings

COLUMNS = (
    ("Champion, on held-out episodes or images", "champion_score"),
    ("Best of the generation", "return_max"),
    ("Median of the generation", "return_median"),
    ("Connections of the best", "best_connections"),
)


def write_comparison(runs: Sequence[StrPath], out: StrPath) -> Path:
    """Writes one self-contained HTML page with the curves of several runs.

    Args:
        runs: run directories.
        out: a new file.

    Returns:
        The file.

    Raises:
        CheckpointError: if one is no run or has not done a generation yet, or `out` exists.
        ConfigError: if there are fewer than two.
    """
    target = Path(out)
    require(not target.exists(), "out", "a new file, nothing is overwritten", str(target), CheckpointError)
    require(len(runs) >= 2, "runs", "at least two", len(runs))
    opened = [RunDirectory.open(Path(run)) for run in runs]
    settings = [run.read_settings() for run in opened]
    curves, rows = [], []
    for run, mine in zip(opened, settings, strict=True):
        history = documents.history_document(run)
        rule = "one that has done a generation"
        require(history is not None, "run", rule, f"{str(run.path)!r}, without metrics yet", CheckpointError)
        assert history is not None
        name = str(run.path)
        curves.append({"name": name, **history})
        rows.append(
            {
                "name": name,
                "task": mine.task,
                "seed": mine.seed,
                "generations": history["generation"][-1] + 1,
                "champion": history["champion_score"][-1],
                "connections": history["best_connections"][-1],
                "differs": _differences(mine, settings),
            }
        )
    versions = {"wann_jax": wann_jax.version.__version__, "jax": jax.__version__}
    facts = {"runs": rows, "columns": COLUMNS, "versions": versions, "data": {"runs": curves}}
    return rendering.write(target, "runs.html.j2", facts)


def _differences(mine: RunSettings, everyone: Sequence[RunSettings]) -> str:
    """Settings that not all runs have alike, in words; seed and task stand in columns of their own."""

    def of(settings: RunSettings) -> dict[str, Any]:
        return {**vars(settings.config), **settings.task_options}

    columns = [of(settings) for settings in everyone]
    names = sorted({name for column in columns for name in column})
    differ = [name for name in names if len({repr(column.get(name)) for column in columns}) > 1]
    return ", ".join(f"{name.replace('_', ' ')} {of(mine).get(name)}" for name in differ)
