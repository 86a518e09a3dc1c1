"""A user's task that raises something, or never ends: one line tells where, and its run goes on once it is mended."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wann_jax
from tests.cli.helpers import assert_same_run
from wann_jax.tasks import registry

ROOT = Path(__file__).parents[2]
PLUGIN = """
import os

import jax
import jax.numpy as jnp
import numpy as np

import wann_jax as wann

calls = 0


def heard(value):
    global calls
    calls += 1
    if os.environ.get("TROUBLE") == "host" and calls > 500:
        raise OSError("no device,\\nnone at all")
    return value


def make(argument, options):
    def returned(policy, key):
        value = 3.0 - jnp.abs(policy(jnp.ones((1, 2))) - 0.5).sum()
        if os.environ.get("TROUBLE") == "traced":
            raise KeyError("a key")
        if os.environ.get("TROUBLE") == "endless":
            value = jax.lax.while_loop(lambda value: value < jnp.inf, lambda value: value * 0.5, value)
        return jax.pure_callback(heard, jax.ShapeDtypeStruct((), jnp.float32), value, vmap_method="sequential")

    return wann.FunctionTask(returned, num_inputs=2, num_outputs=1, name="half")


settings = dict(population_size=16, generations=9, tournament_size=2, champion_candidates=2)
wann.register(wann.TaskSpec("half", "outputs one half", make, presets={"quick": wann.Preset(settings)}))
"""
SEARCH = ("search", "half", "--preset", "quick", "--plugin", "halves", "--checkpoint-interval", "50")


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """The module's file; what it registers is forgotten afterwards."""
    (tmp_path / "halves.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    yield tmp_path / "halves.py"
    sys.modules.pop("halves")
    registry.plugins.remove("halves")


def line_of(file, text):
    return 1 + next(number for number, line in enumerate(file.read_text().splitlines()) if text in line)


def names(path):
    return sorted(file.name for file in path.iterdir())


def test_what_a_task_raises_while_it_is_traced(wann, plugin, tmp_path, monkeypatch):
    path, place = tmp_path / "run", f"({plugin}:{line_of(plugin, 'raise KeyError')})"
    monkeypatch.setenv("TROUBLE", "traced")
    told = f"wann: task 'half' raised KeyError: 'a key' {place}; the whole traceback: {path}/traceback.txt\n"
    assert wann(*SEARCH, "--out", path) == (2, "", told)
    text = (path / "traceback.txt").read_text()
    assert text.startswith("Traceback (most recent call last):\n")
    assert "\nKeyError: 'a key'\n" in text
    assert names(path) == ["traceback.txt"]  # no run has begun
    status, _, err = wann("evaluate", "xor", "--task", "half", "--plugin", "halves")
    assert (status, err.splitlines()[-1]) == (2, f"wann: code outside the package raised KeyError: 'a key' {place}")
    assert err.startswith("Traceback (most recent call last):\n")
    with pytest.raises(KeyError) as caught:  # in Python nothing is in the way
        wann_jax.search(wann_jax.make_task("half"), wann_jax.SearchConfig.preset("half", "quick"))
    assert caught.value.args == ("a key",)
    monkeypatch.delenv("TROUBLE")
    assert wann(*SEARCH, "--out", path)[0] == 0
    assert "traceback.txt" not in names(path)


def test_what_a_task_raises_on_the_host_in_the_middle_of_a_run(wann, plugin, tmp_path, monkeypatch):
    path, place = tmp_path / "run", f"({plugin}:{line_of(plugin, 'raise OSError')})"
    monkeypatch.setenv("TROUBLE", "host")
    status, out, err = wann(*SEARCH, "--out", path)
    told = f"wann: task 'half' raised OSError: no device, {place}; the whole traceback: {path}/traceback.txt; "
    assert (status, out, err) == (2, "", f"{told}go on with: wann resume {path}\n")
    assert (path / "traceback.txt").read_text().endswith("\nOSError: no device,\nnone at all\n")
    assert names(path / "checkpoints") != []  # of the last good generation
    monkeypatch.delenv("TROUBLE")
    assert wann("resume", path)[0] == 0
    assert wann(*SEARCH, "--out", tmp_path / "whole")[0] == 0
    assert_same_run(path, tmp_path / "whole")
    assert "traceback.txt" not in names(path)


def stopped(folder, number, *words):
    """Exit status, errors and seconds after the second of two signals to a command whose task never ends."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TROUBLE": "endless"}
    call = [sys.executable, "-m", "wann_jax", *map(str, words)]
    with subprocess.Popen(call, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "compiling" in line and len(lines) == 1:
                process.send_signal(number)
            if "once more to stop at once" in line:
                began = time.monotonic()
                process.send_signal(number)
        return process.wait(), [line for line in lines if "compiling" not in line][1:], time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_task_that_never_ends(wann, plugin, tmp_path, number):
    whole, path = tmp_path / "whole", tmp_path / "run"
    assert wann(*SEARCH, "--out", whole)[0] == 0
    assert wann(*SEARCH, "--out", path, "--generations", "4")[0] == 0
    status, lines, seconds = stopped(tmp_path, number, "resume", path, "--generations", "9")
    assert (status, len(lines)) in ((128 + number, 2), (128 + number, 1)), lines  # JAX may hear the signal, or not
    assert lines[0].endswith(f"go on with: wann resume {path}\n")
    assert seconds < 10.0
    assert wann("resume", path)[::2] == (0, "")
    assert_same_run(path, whole)
    assert re.findall("traceback|lock", " ".join(names(path))) == []
