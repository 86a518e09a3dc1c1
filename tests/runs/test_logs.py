"""Logs of a search: what TensorBoard and Weights & Biases get is what metrics.jsonl has."""

import dataclasses
import json
import struct
import sys
from types import ModuleType, SimpleNamespace

import jax.numpy as jnp
import pytest
from tensorboardX.proto.event_pb2 import Event

import wann_jax as wann
from tests.runs.test_directory import made_up_dispatch
from wann_jax.cli import main
from wann_jax.errors import ConfigError
from wann_jax.evolution.loop import start
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.logs import check_logs
from wann_jax.runs.runner import run_to_end
from wann_jax.runs.settings import RunSettings

CONFIG = wann.SearchConfig.preset("xor", "quick", population_size=24, generations=6, champion_candidates=3)


def events(folder):
    """All events of a folder, in the order of its files: records of length, checksum, bytes, checksum."""
    found = []
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            found.append(Event.FromString(content[12 : 12 + length]))
            content = content[16 + length :]
    return found


def scalars(found):
    """By generation: values by name."""
    rows = {}
    for event in found:
        for value in event.summary.value:
            rows.setdefault(event.step, {})[value.tag] = value.simple_value
    return rows


class Wandb(ModuleType):
    """Stands in for the module of Weights & Biases."""

    def __init__(self):
        super().__init__("wandb")
        self.inits, self.rows, self.finished = [], [], 0

    def init(self, **settings):
        self.inits.append(settings)
        return SimpleNamespace(log=lambda row, step: self.rows.append((step, row)), finish=self._finish)

    def _finish(self):
        self.finished += 1


@pytest.fixture
def wandb(monkeypatch):
    module = Wandb()
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


def search(on_dispatch):
    rows = []

    def both(dispatch):
        rows.extend(dispatch.rows())
        on_dispatch(dispatch)

    wann.search(wann.make_task("xor"), CONFIG, seed=3, on_dispatch=both)
    return rows


def test_tensorboard_gets_every_generation(tmp_path):
    log = wann.TensorBoardLog(tmp_path / "log")
    rows = search(log)
    log.close()
    found = scalars(events(tmp_path / "log"))
    assert sorted(found) == list(range(6))
    for row in rows:
        assert found[row["generation"]] == pytest.approx(row, rel=1e-6)


def test_weights_and_biases_gets_every_generation(wandb):
    log = wann.WandbLog(project="mine", mode="offline")
    rows = search(log)
    log.close()
    assert wandb.inits == [{"project": "mine", "mode": "offline"}]
    assert wandb.rows == [(row["generation"], row) for row in rows]
    assert (len(rows), wandb.finished) == (6, 1)


def test_what_is_no_number_is_left_out(wandb):
    dispatch, names = made_up_dispatch([0, 1])
    unjudged = jnp.array([-jnp.inf, 2.0], jnp.float32)
    wann.WandbLog()(dispatch._replace(metrics=dataclasses.replace(dispatch.metrics, champion_score=unjudged)))
    (_, first), (_, second) = wandb.rows
    assert {*second} - {*first} == {"champion_score"}
    assert {*second} == {*names, "seconds"}


def test_a_run_remembers_its_logs_and_goes_on_with_them(tmp_path, wandb):
    out = tmp_path / "run"
    command = ["search", "xor", "--preset", "quick", "--population-size", "24", "--checkpoint-interval", "2"]
    command += ["--generations", "4", "--out", str(out)]
    assert main([*command, "--log", "tensorboard, wandb"]) == 0
    assert json.loads((out / "config.json").read_text())["logs"] == ["tensorboard", "wandb"]
    (first,) = wandb.inits
    assert (first["dir"], first["name"], first["resume"]) == (str(out), "run", "allow")
    assert first["config"]["config"]["population_size"] == 24
    assert main(["resume", str(out), "--generations", "6"]) == 0
    assert [settings["id"] for settings in wandb.inits] == [first["id"]] * 2
    assert wandb.finished == 2

    rows = RunDirectory.open(out).read_metrics()
    assert wandb.rows == [(row["generation"], row) for row in rows]
    assert len(rows) == 6
    found = events(out / "tensorboard")
    assert [event.step for event in found if event.HasField("session_log")] == [0, 4]  # what is hidden from there on
    logged = scalars(found)
    assert [logged[row["generation"]] for row in rows] == [pytest.approx(row, rel=1e-6) for row in rows]

    assert main(["resume", str(out), "--generations", "7", "--log", ""]) == 0
    assert len(wandb.rows) == 6
    assert RunDirectory.open(out).read_settings().logs == []


def test_a_run_that_never_begins_leaves_no_log(tmp_path, monkeypatch, wandb):
    settings = RunSettings("xor", {}, 3, CONFIG, logs=["tensorboard", "wandb"])
    run, task = RunDirectory.create(tmp_path / "run", settings), settings.make_task()

    def fail(*args):
        raise RuntimeError("no memory")

    monkeypatch.setattr("wann_jax.runs.runner.dispatches", fail)
    with pytest.raises(RuntimeError, match="no memory"):
        run_to_end(run, settings, task, start(task, CONFIG, 3))
    assert wandb.inits == []
    run.discard_unbegun()
    assert not run.path.exists()


def test_a_missing_extra_or_an_unknown_log_is_told_before_anything_is_done(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    for kind, make in (("wandb", wann.WandbLog), ("tensorboard", lambda: wann.TensorBoardLog(tmp_path / "log"))):
        with pytest.raises(ConfigError, match=rf"log '{kind}' needs the extra {kind} \(pip install '\.\[{kind}\]'\)"):
            make()
    monkeypatch.setattr("wann_jax.cli.searching.start", lambda *args: pytest.fail("compiled"))
    for log, words in (
        ("wandb", "log 'wandb' needs the extra wandb (pip install '.[wandb]')"),
        ("tensorboard,wandb", "log 'tensorboard' needs the extra tensorboard"),
        ("tensorbord", "log must be one of tensorboard, wandb; got 'tensorbord' (did you mean 'tensorboard'?)"),
    ):
        assert main(["search", "xor", "--preset", "quick", "--log", log, "--out", str(tmp_path / "run")]) == 2
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    check_logs([])
