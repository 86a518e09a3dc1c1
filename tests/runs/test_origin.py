"""Which task a network is for: what runs and files say, and whose word counts."""

import dataclasses
import re

import pytest

from tests.helpers import PlainGenome, from_plain
from wann_jax.errors import ConfigError, DataError
from wann_jax.evolution.config import SearchConfig
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.networks.files import save_network
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.origin import task_of
from wann_jax.runs.settings import RunSettings

GENOME = from_plain(GenomeSpec.for_task(2, 1, (5,), 4), PlainGenome([1, 1, 1, 1], [(1, 3, True)]))


def network(folder, **info):
    path = folder / "net.json"
    save_network(path, GENOME, info)
    return path


def test_a_file_names_its_task_and_what_its_network_looks_through(tmp_path):
    path = network(tmp_path, task="carracing", encoder="early", max_steps=3)
    assert task_of(path) == ("carracing", {"encoder": "early"})
    assert task_of(path, "gymnasium:CarRacing-v3") == ("gymnasium:CarRacing-v3", {"encoder": "early"})
    assert task_of(path, "swingup") == ("swingup", {})
    assert task_of(path, given={"encoder": "mine", "max_steps": 3}) == (
        "carracing",
        {"encoder": "mine", "max_steps": 3},
    )
    assert task_of("swingup52") == ("swingup", {})


def test_a_file_that_names_no_task_asks_for_one(tmp_path):
    path = network(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(f"task must be given with --task: '{path}' names none")):
        task_of(path)
    assert task_of(path, "xor") == ("xor", {})


def test_a_file_names_encoders_of_the_package_only(tmp_path):
    """What a stranger's file says of paths is not opened."""
    path = network(tmp_path, task="carracing", encoder="/etc/secret")
    rule = "info.encoder must be one of early, laptop, which come with the package (for another, give --encoder)"
    with pytest.raises(DataError, match=re.escape(f"{path}: {rule}; got '/etc/secret'")):
        task_of(path)
    assert task_of(path, given={"encoder": "mine"}) == ("carracing", {"encoder": "mine"})


def run_of(folder, task, **options):
    settings = RunSettings(task, options, 0, SearchConfig())
    run = RunDirectory.create(folder / task, settings)
    save_network(run.path / "champion.json", GENOME, {"task": task})
    return run.path


def test_a_run_knows_its_task_its_encoder_and_its_data_but_not_the_length_of_episodes(tmp_path):
    car = run_of(tmp_path, "carracing", encoder="runs/vae", max_steps=200, patience=50)
    assert task_of(car) == ("carracing", {"encoder": "runs/vae"})
    assert task_of(car, "gymnasium:CarRacing-v3") == ("gymnasium:CarRacing-v3", {"encoder": "runs/vae"})
    digits = run_of(tmp_path, "mnist", data_dir="there", batch_size=64)
    assert task_of(digits) == ("mnist", {"data_dir": "there"})
    assert task_of(digits, given={"data_dir": "here"}) == ("mnist", {"data_dir": "here"})
    assert task_of(digits, "digits") == ("digits", {})


def test_settings_with_options_that_the_task_does_not_have_are_refused():
    settings = RunSettings("xor", {"max_steps": 3}, 0, SearchConfig())
    with pytest.raises(ConfigError, match=r"task\.max_steps must be left out: task 'xor' has no such option; got 3"):
        settings.check()
    with pytest.raises(ConfigError, match=r"task\.max_steps must be of type int; got 'many'"):
        dataclasses.replace(settings, task="swingup", task_options={"max_steps": "many"}).check()
