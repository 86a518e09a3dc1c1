"""`wann check`, `wann lift`, and searches that go on among graded networks."""

import json
from pathlib import Path

import numpy as np
import pytest

import wann_jax
from wann_jax.genomes.activation_ids import ABS, LINEAR
from wann_jax.genomes.building import build_genome
from wann_jax.networks.files import load_info, save_network

TINY = ["--preset", "quick", "--generations", "3", "--population-size", "16"]
TINY += ["--tournament-size", "2", "--champion-candidates", "2"]


def save_graded(path, num_inputs=2):
    """Each input, by a relay each, into abs; that by another relay into the output."""
    first = 2 + num_inputs
    relays = [*range(first, first + num_inputs)]
    top, last = first + num_inputs, first + num_inputs + 1
    pairs = [*zip(range(1, 1 + num_inputs), relays, strict=True), *((relay, top) for relay in relays)]
    pairs += [(top, last), (last, first - 1)]
    kinds = [LINEAR] + [LINEAR] * num_inputs + [ABS, LINEAR]
    save_network(path, build_genome("graded", (num_inputs, 1), kinds, [*relays, top, last], pairs, []))


def test_check_says_yes_or_the_fault(wann):
    save_graded("graded.json")
    words = "exactly weight agnostic: at every shared weight w but 0, outputs are |w|^4 times what they are at 1\n"
    assert wann("check", "graded.json") == (0, words, "")
    status, out, _ = wann("check", "xor")
    assert (status, out[:46]) == (1, "depends on the shared weight: node 13 is sin; ")
    save_network("empty.json", build_genome("empty", (2, 1), [LINEAR], [], [], []))
    assert wann("check", "empty.json")[:2] == (
        0,
        "exactly weight agnostic: at every shared weight w but 0, outputs are always 0\n",
    )


def test_check_as_json(wann):
    save_graded("graded.json")
    found = [json.loads(wann("check", name, "--json")[1]) for name in ("graded.json", "xor")]
    assert found[0] == {"network": "graded.json", "is_graded": True, "fault": None, "depth": 4}
    assert (found[1]["is_graded"], found[1]["depth"]) == (False, None)
    assert found[1]["fault"].startswith("node 13 is sin; ")


def test_lift_keeps_the_info_and_works_at_both_signs(wann):
    status, out, err = wann("lift", "carracing", "-o", "lift.json", "--sign", "positive")
    words = (
        "135 connections, 45 of them added: it works at both signs of the shared weight as it did at positive ones\n"
    )
    assert (status, out, err) == (0, f"{words}written: lift.json\n", "")
    lifted, old = {"lifted": {"from": "carracing", "sign": "positive"}}, load_info("carracing")
    kept = ("task", "encoder", "seed", "generation", "shared_weights")  # the rest tells of the other network
    assert load_info("lift.json") == {field: old[field] for field in kept} | lifted
    lift, old = wann_jax.load_network("lift.json"), wann_jax.load_network("carracing")
    inputs = np.random.default_rng(0).normal(size=(20, old.spec.num_inputs)).astype(np.float32)
    found = [np.asarray(wann_jax.forward(lift, weight, inputs)) for weight in (-0.5, 0.5)]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], np.asarray(wann_jax.forward(old, 0.25, inputs)), rtol=1e-4, atol=1e-4)


def test_lift_finds_the_sign_on_the_networks_task(wann, monkeypatch):
    for best, sign in ((-0.7, "negative"), (0.7, "positive")):
        monkeypatch.setattr("wann_jax.cli.grading.best_shared_weight", lambda task, network, best=best: best)
        assert wann("lift", "xor", "-o", f"{sign}.json")[0] == 0
        assert load_info(f"{sign}.json")["lifted"] == {"from": "xor", "sign": sign}


def test_a_search_goes_on_from_a_lifted_network(wann):
    assert wann("lift", "xor", "-o", "lift.json", "--sign", "negative")[0] == 0
    status, _, err = wann("search", "xor", *TINY, "--initial", "lift.json", "--out", "run")
    assert (status, err) == (0, "")
    initial, lift = json.loads(Path("run/initial.json").read_text()), json.loads(Path("lift.json").read_text())
    assert [initial[name] for name in ("connections", "info")] == [lift["connections"], {"from": "lift.json"}]
    champion = wann_jax.load_genome("run")
    assert abs(int(champion.num_enabled) - int(wann_jax.load_genome("lift.json").num_enabled)) <= 3


SIX = [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0]


def config_of(run):
    return json.loads((Path(run) / "config.json").read_text())["config"]


def test_a_graded_search_finds_a_champion_of_one_accuracy(wann):
    small = ["--population-size", "48", "--generations", "12"]
    status, _, err = wann("search", "digits", "--preset", "quick", *small, "--graded", "--out", "run")
    assert (status, "compiling" in err or err == "") == (0, True)
    assert (config_of("run")["graded_depth"], config_of("run")["shared_weights"]) == (4, [1.0])
    assert load_info("run")["shared_weights"] == [1.0]
    assert wann("check", "run")[0] == 0
    task, network = wann_jax.make_task("digits"), wann_jax.load_network("run")
    scores = wann_jax.evaluate(task, [network], SIX)[0, :, 0]
    assert len(set(scores.tolist())) == 1
    assert scores[0] > 0.15
    status, *_ = wann("resume", "run", "--generations", "14")
    assert status == 0
    assert wann("check", "run")[0] == 0
    assert wann("resume", "run", "--generations", "15", "--graded-depth", "2") == (
        2,
        "",
        "wann: search.graded_depth must be 4, as before; got 2\n",
    )


def test_control_is_tried_with_magnitudes_and_crossover_keeps_the_grading(wann):
    save_graded("graded.json")
    begin = ["--graded-depth", "4", "--initial", "graded.json", "--crossover-probability", "0.5", "--max-changes", "3"]
    assert wann("search", "xor", *TINY, *begin, "--out", "run")[0] == 0
    assert (config_of("run")["graded_depth"], config_of("run")["shared_weights"]) == (4, [1 / 3, 1.0, 5 / 3])
    assert json.loads(wann("check", "run", "--json")[1])["depth"] == 4
    assert wann("search", "xor", "--config", "run/config.json", "--generations", "2", "--out", "again")[0] == 0
    assert config_of("again")["graded_depth"] == 4


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            ("search", "xor", "--graded", "--initial", "xor"),
            "initial must be a network graded at depth 4 (see wann check); ",
        ),
        (
            ("search", "xor", "--graded-depth", "2", "--initial", "graded.json"),
            "initial must be a network graded at depth 2 (see wann check); got 'node 7 at depth 3 leads to node 3",
        ),
        (
            ("search", "xor", "--graded", "--graded-depth", "0"),
            "search.graded_depth must be above 0 with --graded; got 0",
        ),
        (
            ("search", "xor", "--graded-depth", "3"),
            "search.graded_depth must be 0 (not graded) or an even number up to 16; got 3",
        ),
        (("search", "xor", "--graded-depth", "-2"), "search.graded_depth must be a whole number, at least 0; got -2"),
        (
            ("search", "digits", "--graded", "--shared-weights=-1,1"),
            "search.shared_weights must be one number: graded classifiers give the same classes under all; got (-1.0",
        ),
        (("check", "nothing"), "network file 'nothing' cannot be read"),
        (("lift", "xor", "-o", "taken"), "out must be a new file, nothing is overwritten; got 'taken'"),
        (("lift", "xor", "-o", "new", "--sign", "both"), "--sign"),
        (
            ("lift", "xor", "-o", "new", "--sign", "positive", "--task", "xor"),
            "task must be left out with --sign: only",
        ),
        (("lift", "nothing", "-o", "new"), "network file 'nothing' cannot be read"),
        (("lift", "graded.json", "-o", "new"), "task must be given with --task: 'graded.json' names none"),
        (("lift", "empty.json", "-o", "new", "--sign", "positive"), "network must be one with connections; got 'none'"),
    ],
)
def test_mistakes_get_one_line_and_leave_no_file(wann, tmp_path, args, line):
    save_graded("graded.json")
    save_network("empty.json", build_genome("empty", (2, 1), [LINEAR], [], [], []))
    Path("taken").write_text("kept")
    status, out, err = wann(*args)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert line in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.json", "graded.json", "taken"]
