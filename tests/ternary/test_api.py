"""The ternary search: budgets are kept, the class is the same at every weight, mistakes are one line."""

import json

import numpy as np
import pytest

import wann_jax as wann
from wann_jax.cli import main
from wann_jax.errors import ConfigError
from wann_jax.genomes.grading import grading_of
from wann_jax.ternary.api import cut
from wann_jax.ternary.embedding import num_connections

QUICK = wann.TernaryConfig(connections=300, hidden=(30,), steps=600, minibatch_size=64, restarts=2)
WEIGHTS = [-2.0, -0.3, 0.01, 1.0, 1.7]


@pytest.fixture(scope="module")
def digits():
    return wann.make_task("digits")


@pytest.fixture(scope="module")
def found(digits):
    return wann.search_ternary(digits, QUICK, seed=1)


def test_the_network_keeps_to_the_budget_and_does_not_depend_on_the_weight(digits, found):
    assert 250 <= int(found.genome.num_enabled) <= 300
    grading = grading_of(found.genome)
    assert (grading.fault, grading.output) == ("", (4, False))
    scores = wann.evaluate(digits, [found.network], WEIGHTS)[0, :, 0]
    # Pixels are multiples of 1/16: sums may be the same, and then rounding decides.
    np.testing.assert_allclose(scores, found.score, atol=2.5 / len(digits.labels["validation"]))
    assert found.score > 0.8


def test_the_curve_tells_the_looks_at_the_validation_split(found):
    steps = [look["step"] for look in found.curve]
    assert steps == sorted(steps)
    assert steps[0] >= 0.7 * 600
    assert steps[-1] == 600
    best = [look["best"] for look in found.curve]
    assert best == list(np.maximum.accumulate([look["score"] for look in found.curve]))
    assert best[-1] == found.score


def test_the_same_seed_gives_the_same_network_and_another_one_another(digits, found):
    again = wann.search_ternary(digits, QUICK, seed=1)
    other = wann.search_ternary(digits, QUICK, seed=2)
    np.testing.assert_array_equal(again.genome.conn_source, found.genome.conn_source)
    assert again.curve == found.curve
    assert other.curve != found.curve


@pytest.mark.parametrize("connections", [60, 500])
def test_a_cut_fits_the_budget_nearly(connections):
    random = np.random.default_rng(0)
    latent = [random.normal(size=(20, 15)), random.normal(size=(15, 10))]
    config = wann.TernaryConfig(connections=connections, hidden=(15,))
    assert 0.9 * connections <= num_connections(cut(config, latent)) <= connections


def test_any_data_set_will_do(tmp_path):
    """How many of two features are far from 0, among ten that tell nothing."""
    random = np.random.default_rng(0)
    x = random.normal(size=(3000, 12)).astype(np.float32)
    np.savez(tmp_path / "mine.npz", x=x, y=((np.abs(x[:, :2]) > 0.7).sum(1) % 3).astype(np.int32))
    task = wann.make_task(f"classify:{tmp_path / 'mine.npz'}")
    config = wann.TernaryConfig(connections=200, hidden=(40,), steps=2000, minibatch_size=128, restarts=2)
    result = wann.search_ternary(task, config)
    common = np.bincount(np.asarray(task.labels["validation"])).max() / len(task.labels["validation"])
    assert result.score >= common + 0.1
    assert int(result.genome.num_enabled) <= 200


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            dict(connections=30),
            "ternary.connections must be at least 31: one path to each of 10 classes, relays counted; got 30",
        ),
        (dict(hidden=()), "ternary.hidden must be one or more whole numbers between 1 and 4096; got ()"),
        (dict(activation="sin"), "ternary.activation must be one of abs, relu; got 'sin'"),
        (dict(steps=0), "ternary.steps must be a whole number, at least 1; got 0"),
        (dict(last_share=1.0), "ternary.last_share must be between 0 and 1; got 1.0"),
        (dict(input_noise=-1.0), "ternary.input_noise must be finite and at least 0; got -1.0"),
        (dict(prune_begin=0.8), "ternary.prune_begin and prune_end must be in order: 0 <= prune_begin < prune_end < 1"),
    ],
)
def test_settings_out_of_range_are_one_line(digits, changes, words):
    with pytest.raises(ConfigError) as error:
        wann.search_ternary(digits, wann.TernaryConfig(**changes))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_task_that_is_no_classifier_is_refused():
    with pytest.raises(ConfigError, match="task must be one of classification"):
        wann.search_ternary(wann.make_task("xor"))


def test_the_command_writes_a_network_and_its_page(tmp_path, capsys):
    out = tmp_path / "exact.json"
    small = ["--connections", "200", "--hidden", "20", "--steps", "200", "--restarts", "1", "--minibatch-size", "64"]
    assert main(["ternary", "digits", "--out", str(out), "--seed", "3", *small]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("accuracy 0.")
    assert lines[0].endswith("on validation images at every shared weight: outputs are |w|^4 f(x)")
    assert lines[-2:] == [f"written: {out}", f"look at it: {tmp_path / 'exact.html'}"]
    info = json.loads(out.read_text())["info"]
    assert (info["task"], info["seed"], info["ternary"]["connections"]) == ("digits", 3, 200)
    assert (tmp_path / "exact.html").is_file()
    assert main(["ternary", "digits", "--out", str(out), *small]) == 2
    assert "out must be a new file, nothing is overwritten" in capsys.readouterr().err
