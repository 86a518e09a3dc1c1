"""What is shown: progress on a terminal, tables, JSON."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

import wann_jax as wann
from wann_jax.evolution.loop import Dispatch, start
from wann_jax.files import strict_json
from wann_jax.report.progress import SearchProgress
from wann_jax.report.tables import print_scores, score_document


def test_progress_is_shown_on_a_terminal_only():
    last = dict(return_max=1.5, return_median=-2.25, champion_score=0.75, best_connections=31, generation=6)
    metrics = SimpleNamespace(work=np.array([5000.0]), **{name: [value] for name, value in last.items()})
    shown = {}
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=150)
        with SearchProgress(10, "steps", console=console) as progress:
            progress.update(Dispatch(None, metrics, 2.0, False))
        shown[terminal] = console.file.getvalue()
    assert shown[False].strip() == ""
    for part in ("7/10", "best 1.5", "median -2.25", "champion 0.75", "connections 31", "2.5k steps/s"):
        assert part in shown[True]


@pytest.fixture(scope="module")
def genome():
    state = start(wann.make_task("xor"), wann.SearchConfig.preset("xor", "quick"), 0)
    return state.champion


def document(genome, scores, **facts):
    return score_document((-1.0, 2.0), np.asarray(scores, np.float32), genome, **facts)


@pytest.mark.parametrize("title", ["classify:a[/b].npz", "classify:[bold]x", None])
def test_a_title_is_shown_as_it_is(genome, capsys, title):
    facts = {} if title is None else {"title": title}
    print_scores(document(genome, [[1, 2], [3, 5]], **facts), "return")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == title or (title is None and lines[0].startswith("\u250f"))
    rows = [line.replace("\u2502", " ").split() for line in lines if line.startswith("\u2502")]
    assert rows == [["-1", "1.5", "0.5", "2"], ["2", "4", "1", "2"], ["all", "2.75", "1.48"]]


def test_numbers_that_are_not_finite_are_null_in_json(genome):
    text = strict_json(document(genome, [[1, np.nan], [np.inf, 5]]))

    def refuse(name):
        raise ValueError(name)

    read = json.loads(text, parse_constant=refuse)
    assert [row["mean"] for row in read["weights"]] == [None, None]
    assert (read["mean"], read["num_nodes"]) == (None, 4)
