"""What experiments share: nothing is measured twice, statistics are those of the textbook, mistakes are one line."""

import json

import numpy as np
import pytest

from wann_jax.analysis.experiments import EXPERIMENTS
from wann_jax.analysis.experiments.base import Record, Setting, find, interquartile_mean, interval, run_experiment
from wann_jax.cli import main
from wann_jax.errors import CheckpointError, ConfigError

QUICK = Setting("digits", 1, True)


def test_what_was_measured_is_not_measured_again(tmp_path):
    path, calls = tmp_path / "a.json", []

    def measure():
        calls.append(1)
        return [0.5]

    assert Record(path, QUICK).measured("x", measure) == [0.5]
    assert Record(path, QUICK).measured("x", measure) == [0.5]
    assert len(calls) == 1
    with pytest.raises(CheckpointError, match="setting must be that of"):
        Record(path, Setting("digits", 2, True))


def test_the_interquartile_mean_leaves_the_outer_quarters_out():
    assert interquartile_mean([100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -50.0]) == pytest.approx(np.mean([2, 3, 4, 5]))
    assert interquartile_mean([1.0, 2.0]) == 1.5


def test_the_interval_holds_the_mean_of_most_samples():
    random = np.random.default_rng(0)
    held = [low <= 0.0 <= high for low, high in (interval(random.normal(size=20), seed) for seed in range(60))]
    assert 0.8 <= np.mean(held) <= 1.0


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_runs_quickly_and_answers_with_its_numbers(name, tmp_path, capsys):
    assert main(["experiment", name, "--quick", "--seeds", "1", "--out", str(tmp_path)]) == 0
    answer = capsys.readouterr().out.splitlines()[0]
    document = json.loads((tmp_path / f"{name}.json").read_text())
    assert document["answer"] == answer
    assert any(letter.isdigit() for letter in answer)
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    before = (tmp_path / f"{name}.json").read_bytes()
    assert run_experiment(name, tmp_path, QUICK) == answer  # from what is known
    assert (tmp_path / f"{name}.json").read_bytes() == before


def test_they_are_listed_with_their_questions(capsys):
    assert main(["experiment", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(EXPERIMENTS)
    assert all(line.endswith("?") for line in lines)


def test_mistakes_are_one_line(capsys):
    assert main(["experiment", "none"]) == 2
    assert "experiment must be one of random-weights" in capsys.readouterr().err
    assert main(["experiment"]) == 2
    assert "(or --list)" in capsys.readouterr().err
    with pytest.raises(ConfigError):
        find("none")
