"""Whatever ends a run: its last good state is saved."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers import assert_same
from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.loop import dispatches, start
from wann_jax.networks.files import load_genome, load_info
from wann_jax.runs import runner
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.settings import RunSettings


@pytest.mark.parametrize("trouble", [RuntimeError("a worker died"), KeyboardInterrupt()])
def test_a_dispatch_that_fails_leaves_the_state_before_it(tmp_path, monkeypatch, trouble):
    config = SearchConfig.preset("xor", "quick", population_size=24, champion_candidates=3, generations=9)
    settings = RunSettings("xor", {}, 3, config, checkpoint_interval=50)
    run, task = RunDirectory.create(tmp_path / "run", settings), settings.make_task()
    seen = []

    def failing(*args):
        for dispatch in dispatches(*args):
            if int(dispatch.state.generation) > 4:  # the memory of the state before is gone
                raise trouble
            seen.append((int(dispatch.state.generation), np.array(dispatch.state.genomes.conn_source)))
            yield dispatch

    monkeypatch.setattr(runner, "dispatches", failing)
    monkeypatch.setattr("wann_jax.evolution.loop.SECONDS_PER_DISPATCH", 1e-9)
    with pytest.raises(type(trouble)):
        runner.run_to_end(run, settings, task, start(task, config, 3))
    state = run.load(task, settings)
    assert int(state.generation) == seen[-1][0] == 4
    np.testing.assert_array_equal(state.genomes.conn_source, seen[-1][1])
    assert (run.path / "champion.json").is_file()

    monkeypatch.undo()
    whole = RunDirectory.create(tmp_path / "whole", dataclasses.replace(settings))
    for each, begin in ((run, state), (whole, start(task, config, 3))):
        each.cut_back(int(begin.generation))
        runner.run_to_end(each, settings, task, begin)
    assert (run.path / "champion.json").read_bytes() == (whole.path / "champion.json").read_bytes()


def test_each_champion_is_kept_by_the_generation_that_found_it(tmp_path, monkeypatch):
    config = SearchConfig.preset("xor", "quick", population_size=24, champion_candidates=3, generations=30)
    settings = RunSettings("xor", {}, 3, config, checkpoint_interval=5)
    run, task = RunDirectory.create(tmp_path / "run", settings), settings.make_task()
    monkeypatch.setattr("wann_jax.evolution.loop.SECONDS_PER_DISPATCH", 1e-9)  # one generation for each dispatch
    runner.run_to_end(run, settings, task, start(task, config, 3))
    scores = [row["champion_score"] for row in run.read_metrics()]
    found = [index for index in range(30) if scores[index] > max([float("-inf"), *scores[:index]])]
    assert [int(file.stem) for file in run.champions()] == found
    assert len(found) > 1
    infos = [load_info(file) for file in run.champions()]
    assert [(info["generation"], info["score"]) for info in infos] == [(index, scores[index]) for index in found]
    assert_same(load_genome(run.champions()[-1]), load_genome(run.path))

    run.cut_back(found[-1])
    assert [int(file.stem) for file in run.champions()] == found[:-1]
    again = run.load(task, settings)  # the champion is known: its score is no news
    runner.run_to_end(run, settings, task, again)
    assert [int(file.stem) for file in run.champions()] == found[:-1]


def test_a_checkpoint_is_made_every_so_many_minutes_and_the_last_ones_are_kept(tmp_path, monkeypatch):
    config = SearchConfig.preset("xor", "quick", population_size=24, champion_candidates=3, generations=9)
    settings = RunSettings("xor", {}, 3, config, checkpoint_interval=50, checkpoint_minutes=2, keep_checkpoints=3)
    run, task = RunDirectory.create(tmp_path / "run", settings), settings.make_task()
    monkeypatch.setattr("wann_jax.evolution.loop.SECONDS_PER_DISPATCH", 1e-9)  # one generation for each dispatch
    seconds, saved, save = [0.0], [], RunDirectory.save

    def noting(run, state, keep):
        saved.append(int(state.generation))
        save(run, state, keep)

    def lasting(*args):
        for dispatch in dispatches(*args):
            seconds[0] += 60.0
            yield dispatch

    monkeypatch.setattr(RunDirectory, "save", noting)
    monkeypatch.setattr(runner, "dispatches", lasting)
    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    runner.run_to_end(run, settings, task, start(task, config, 3))
    assert saved == [2, 4, 6, 8, 9]
    assert sorted(file.name for file in (run.path / "checkpoints").iterdir()) == ["6", "8", "9"]
