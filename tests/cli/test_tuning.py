"""`wann tune` that is interrupted: the best so far is written, and the exit status tells of the signal."""

import json
import signal

import pytest

import wann_jax
from wann_jax.evolution.progress import StepProgress
from wann_jax.networks.files import load_info

TUNE = ("tune", "xor", "--task", "xor", "--method", "es", "--steps", "40", "--validation-interval", "10")
TUNE += ("--population-size", "8", "--episodes", "1", "--validation-episodes", "1", "--trials", "100", "--start", "0.1")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(wann, tmp_path, monkeypatch, number):
    advance = StepProgress.advance

    def advance_and_end(progress, words):
        advance(progress, words)
        if words.startswith("step 20 "):
            signal.raise_signal(number)

    with monkeypatch.context() as patch:
        patch.setattr(StepProgress, "advance", advance_and_end)
        status, out, _ = wann(*TUNE, "--out", "tuned.json")
    assert status == 128 + number
    assert out.splitlines()[-2:] == ["stopped: interrupted after step 20 of 40", "written: tuned.json"]
    info = json.loads((tmp_path / "tuned.json").read_text())["info"]
    assert [look["step"] for look in info["curve"]] == [0, 10, 20]
    assert info["protocol"] == []
    again = [word for word in TUNE if word not in ("--start", "0.1")]
    assert wann("tune", "tuned.json", "--again", *again[2:], "--out", "more.json")[0] == 0


def test_figures_of_the_weights_before_are_left_behind(wann):
    known = {"task": "xor", "worlds": {"ours": 1.0}, "seed": 3, "num_connections": 40}
    wann_jax.save_network("known.json", wann_jax.load_genome("xor"), known)
    tune = ("tune", "known.json", "--start", "1", "--trials", "0", "--steps", "2", "--validation-episodes", "1")
    assert wann(*tune, "--method", "es", "--population-size", "4", "--episodes", "1", "--out", "tuned.json")[0] == 0
    info = load_info("tuned.json")
    assert ("worlds" in info, info["seed"], info["num_connections"]) == (False, 3, 40)
    assert wann(*tune, "--connections", "30", "--out", "pruned.json")[0] == 0
    info = load_info("pruned.json")
    assert ("worlds" in info, info["seed"], "num_connections" in info) == (False, 3, False)
