"""Progress: two lines of 80 columns on a terminal, a line now and then elsewhere, nothing unless it is wanted."""

import io
import time
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

import wann_jax as wann
from wann_jax.evolution import progress
from wann_jax.evolution.loop import Dispatch
from wann_jax.evolution.progress import SearchProgress, StepProgress


def dispatch():
    last = dict(return_max=1.5, return_median=-2.25, champion_score=0.75, best_connections=31, generation=6)
    metrics = SimpleNamespace(work=np.array([5000.0]), **{name: [value] for name, value in last.items()})
    return Dispatch(None, metrics, 2.0, False)


def console(terminal):
    return Console(file=io.StringIO(), force_terminal=terminal, width=80)


def test_a_terminal_of_80_columns_shows_everything():
    screen = console(True)
    with SearchProgress(10, "steps", console=screen) as shown:
        assert "compiling" in shown._bar.summary
        shown.update(dispatch())
    text = screen.file.getvalue()
    parts = ("7/10", "left", "best 1.5", "median -2.25", "champion 0.75", "connections 31", "2.5k steps/s")
    assert [part for part in ("generation", *parts) if part not in text] == []


def test_elsewhere_a_line_breaks_the_silence(monkeypatch):
    monkeypatch.setattr(progress, "HEARTBEAT", 0.05)
    file = console(False)
    with SearchProgress(10, "steps", console=file) as shown:
        time.sleep(0.4)
        shown.update(dispatch())
        time.sleep(0.4)
    lines = file.file.getvalue().splitlines()
    assert lines[0].startswith("generation 0/10, 0 s: compiling (once for each size of networks")
    assert lines[-1].startswith("generation 7/10, ")
    assert lines[-1].endswith("best 1.5  median -2.25  champion 0.75  connections 31  2.5k steps/s")
    assert all(len(line) < 120 for line in lines)


def test_what_is_done_soon_says_nothing():
    file = console(False)
    with StepProgress("step", 3, console=file) as shown:
        shown.advance("one")
    assert file.file.getvalue() == ""


@pytest.mark.parametrize("wanted", [False, True])
def test_from_python_it_is_shown_if_wanted(monkeypatch, capsys, wanted):
    monkeypatch.setattr(progress, "HEARTBEAT", 0.001)
    task, config = wann.make_task("xor"), wann.SearchConfig.preset("xor", "quick", generations=3, population_size=16)
    wann.search(task, config, progress=wanted)
    assert ("generation 0/3" in capsys.readouterr().err) == wanted
