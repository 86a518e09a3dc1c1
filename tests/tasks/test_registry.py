"""The registry: one object for each task, presets, options, users' modules."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

import wann_jax as wann
from wann_jax.errors import ConfigError
from wann_jax.tasks import registry
from wann_jax.tasks.registry import Preset, TaskSpec, find_spec, make_task, register, registered

ROOT = Path(__file__).parents[2]
PLUGIN = """
import dataclasses

import wann_jax as wann


@dataclasses.dataclass(frozen=True)
class Options:
    shift: float = wann.option(0.0, "added to every return")


def make(argument, options):
    import jax.numpy as jnp

    def returned(policy, key):
        return options.shift - jnp.abs(policy(jnp.ones((1, 2))) - 0.5).sum()

    return wann.FunctionTask(returned, num_inputs=2, num_outputs=1, name="half")


wann.register(
    wann.TaskSpec(
        "half",
        "outputs one half",
        make,
        Options,
        {"laptop": wann.Preset(dict(population_size=16, generations=3, tournament_size=2), dict(shift=3.0))},
    )
)
"""


@pytest.mark.parametrize(
    ("task", "like"),
    [
        ("gymnax:BipedalWalker-v3", "biped"),
        ("gymnasium:BipedalWalker-v3", "biped"),
        ("gymnax:CarRacing-v3", "carracing"),
        ("gymnasium:CarRacing-v3", "carracing"),
        ("gymnax:CartPole-v1", "swingup"),
        ("gymnasium:CartPole-v1", "swingup"),
        ("classify:mine.npz", "digits"),
    ],
)
def test_an_environment_has_the_presets_of_the_task_that_it_is(task, like):
    for preset in ("quick", "laptop", "best", "paper"):
        assert wann.SearchConfig.preset(task, preset) == wann.SearchConfig.preset(like, preset)


@pytest.mark.parametrize("spec", registered(), ids=lambda spec: spec.name)
def test_presets_are_whole(spec):
    name = spec.name.replace(":NAME", ":CartPole-v1").replace(":PATH", ":x.npz")
    assert find_spec(name) is spec
    for preset in spec.presets:
        wann.SearchConfig.preset(name, preset)
        spec.options(**spec.presets[preset].options)


@pytest.mark.parametrize("name", ["swinggup", "gymnax:", "classify:", "", "xor:2", "nothing:at-all"])
def test_unknown_tasks_are_refused(name):
    with pytest.raises(ConfigError, match=r"^task must be one of biped, .*; got "):
        find_spec(name)
    with pytest.raises(ConfigError, match=r"^task must be one of biped, .*; got "):
        wann.SearchConfig.preset(name, "quick")


def test_an_option_that_is_misspelt_gets_a_hint():
    with pytest.raises(ConfigError, match=r"task.max_step must be left out: .* \(did you mean 'max_steps'\?\); got 3"):
        make_task("swingup", max_step=3)
    with pytest.raises(ConfigError, match=r"task\.max_steps must be of type int; got True"):
        make_task("swingup", max_steps=True)


def test_what_is_no_whole_spec_is_refused(monkeypatch):
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    spec = TaskSpec("mine", "a task", lambda argument, options: None)
    register(spec)
    register(spec)  # again, as a module that is imported under two names does
    with pytest.raises(ConfigError, match="task name must be one that is not taken; got 'mine'"):
        register(dataclasses.replace(spec, summary="another"))
    with pytest.raises(ConfigError, match="task 'other', preset quick: option must be one of"):
        register(dataclasses.replace(spec, name="other", presets={"quick": Preset({}, {"steps": 3})}))
    with pytest.raises(ConfigError, match="preset must be left out: task 'mine' has none; got 'quick'"):
        wann.SearchConfig.preset("mine", "quick")


def test_one_file_of_a_users_is_enough_for_a_new_task(tmp_path):
    """Its options, presets and help; a run remembers the module."""
    (tmp_path / "halves.py").write_text(PLUGIN)

    def run(*words):
        call = [sys.executable, "-m", "wann_jax", *words]
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    assert "half" not in run("tasks")[1]
    assert "half            outputs one half" in run("tasks", "--plugin", "halves")[1]
    assert "added to every return (half)" in " ".join(run("search", "half", "--plugin=halves", "--help")[1].split())
    status, _, err = run("search", "half", "--out", "run", "--plugin", "halves")
    assert status == 0, err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["plugins"], config["task_options"]) == (["halves"], {"shift": 3.0})
    status, _, err = run("resume", "run", "--generations", "4")
    assert status == 0, err
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["generation"] for row in rows] == [0, 1, 2, 3]
    assert rows[-1]["return_max"] > 2.0
    status, _, err = run("tasks", "--plugin", "nowhere")
    assert status == 2
    assert err == "wann: plugin must be a module that can be imported; got 'nowhere': No module named 'nowhere'\n"
