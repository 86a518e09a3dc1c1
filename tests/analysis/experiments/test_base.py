"""What experiments share: nothing is measured twice, mistakes are one line."""

import json

import pytest

from wann_jax.analysis.experiments import EXPERIMENTS
from wann_jax.analysis.experiments.base import Record, Setting, find, run_experiment
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
    assert f"experiment must be one of {', '.join(EXPERIMENTS)}; got 'none'" in capsys.readouterr().err
    assert main(["experiment"]) == 2
    assert "(or --list)" in capsys.readouterr().err
    with pytest.raises(ConfigError):
        find("none")
