"""Splitting a population over devices and into blocks gives what the plain function gives."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax
from tests.helpers import FEW_INPUTS, assert_same, pool
from wann_jax.cli import main
from wann_jax.devices import check_devices, over_blocks, over_population, population_mesh, replicated
from wann_jax.genomes.graph import live_nodes

ROOT = Path(__file__).parents[1]


def describe(population, scale, offsets):
    """Per individual; leaves of different ranks and dtypes."""
    values = population["values"]
    return {"sum": scale * values.sum(-1), "moved": values[..., None] + offsets[None, None], "id": population["id"] * 2}


def population_of(size):
    values = np.random.default_rng(size).normal(size=(size, 3)).astype(np.float32)
    return {"values": jnp.asarray(values), "id": jnp.arange(size)}


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_a_population_split_over_devices_gives_the_same(size):
    population, rest = population_of(size), (jnp.float32(3), jnp.asarray([0.5, -1.0]))
    expected = describe(population, *rest)
    result = jax.jit(over_population(describe))(population, *rest)
    assert_same(result, expected)
    assert result["sum"].shape == (size,)


def test_devices_really_split_the_population():
    num_devices = population_mesh().size
    sizes = []

    def block_size(population):
        sizes.append(population.shape[0])
        return population

    over_population(block_size)(jnp.arange(5))
    assert sizes == [-(-5 // num_devices)]
    assert replicated().mesh.size == num_devices == len(jax.devices())


def test_a_population_of_genomes_gives_the_same_over_devices():
    genomes = jax.tree.map(lambda table: table[:7], pool(FEW_INPUTS))
    live = jax.vmap(lambda genome: (live_nodes(genome), genome))
    assert_same(jax.jit(over_population(live))(genomes), jax.jit(live)(genomes))


@pytest.mark.parametrize(("size", "block_size"), [(1, 4), (4, 4), (7, 3), (9, 3), (5, 1)])
def test_blocks_give_the_same(size, block_size):
    population = population_of(size)
    sizes = []

    def function(block):
        sizes.append(block["id"].shape[0])
        return describe(block, jnp.float32(2), jnp.asarray([1.0, 2.0]))

    result = over_blocks(function, population, block_size)
    assert set(sizes) == {min(size, block_size)}
    assert_same(result, describe(population, jnp.float32(2), jnp.asarray([1.0, 2.0])))


MORE_DEVICES = pytest.mark.skipif(len(jax.devices()) > 1, reason="this is the process with more devices")


@MORE_DEVICES
@pytest.mark.parametrize("num_devices", [2, 3])
def test_the_tests_of_this_file_pass_on_more_devices(num_devices):
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": str(num_devices), "JAX_COMPILATION_CACHE_DIR": ""}
    call = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(call, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "8 skipped" in done.stdout, done.stdout


BEGIN = """
import hashlib, sys, jax, wann_jax as wann
from wann_jax import devices as module
module.LEAST_DIVIDED = 0  # 13 individuals have no equal shares, 12 have
def show(name, devices=None, size=13):
    settings = dict(population_size=size, generations=4, tournament_size=3, champion_candidates=3)
    config = wann.SearchConfig.preset(name, "quick", **settings)
    result = wann.search(wann.make_task(name), config, seed=5, devices=devices)
    leaves = jax.tree.leaves((result.history, result.champion, result.champion_score))
    print(hashlib.sha256(b"".join(jax.numpy.asarray(leaf).tobytes() for leaf in leaves)).hexdigest())
    arrays = [leaf for leaf in jax.tree.leaves(result.state) if isinstance(leaf, jax.Array)]
    where = {device for leaf in arrays for device in leaf.devices()}
    assert where == {*jax.local_devices()[:1]} if jax.process_count() > 1 else where <= {*(devices or jax.devices())}
"""
SEARCH = f"""{BEGIN}
show("xor"), show("digits", size=12)
print(len(jax.devices()))
"""
NAMED = f"""{BEGIN}
devices = jax.devices()
for chosen in (devices[1:], devices[:2]):
    show("xor", chosen)
print(len(devices))
"""
EIGHT = f"""{BEGIN}
devices = jax.devices()
show("xor", devices[:1]), show("xor", devices)
print(len(devices))
"""
JOINED = f"""{BEGIN}
jax.distributed.initialize(sys.argv[1], 2, int(sys.argv[2]))
show("xor"), show("digits", size=12)
print(len(jax.devices()))
"""


def in_fresh_process(text, **environment):
    """What a process prints, line by line; a variable that is None is not set."""
    wanted = {name: value for name, value in (os.environ | environment).items() if value is not None}
    wanted["PYTHONPATH"] = str(ROOT)
    call = [sys.executable, "-c", text]
    done = subprocess.run(call, env=wanted, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@MORE_DEVICES
def test_a_search_is_the_same_on_any_number_of_devices_and_threads():
    """XLA's pool has as many threads as NPROC says."""
    *alone, one = in_fresh_process(SEARCH, NPROC="1")
    *devices, three = in_fresh_process(SEARCH, JAX_NUM_CPU_DEVICES="3")
    *threads, single = in_fresh_process(SEARCH, NPROC="5")
    assert [one, three, single] == ["1", "3", "1"]
    assert alone == devices == threads
    *named, three = in_fresh_process(NAMED, JAX_NUM_CPU_DEVICES="3")
    assert (named, three) == ([alone[0]] * 2, "3")
    assert joined() == [[*alone, "2"]] * 2


@MORE_DEVICES
def test_a_search_is_the_same_on_one_and_on_eight_devices():
    """A population that they do not divide."""
    flags = "--xla_force_host_platform_device_count=8"
    alone, together, eight = in_fresh_process(EIGHT, XLA_FLAGS=flags, JAX_NUM_CPU_DEVICES=None)
    assert (alone, eight) == (together, "8")


def joined():
    """What two processes print that search as one."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    calls = [[sys.executable, "-c", JOINED, address, str(number)] for number in range(2)]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    processes = [subprocess.Popen(call, env=environment, cwd=ROOT, **pipes) for call in calls]
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    return [out.splitlines()[-3:] for out, _ in told]


@pytest.mark.parametrize(
    ("devices", "rule"),
    [
        ([], "one or more different devices"),
        (jax.devices()[:1] * 2, "one or more different devices"),
        (["cpu"], "one or more different devices"),
    ],
)
def test_devices_that_are_none_are_refused(devices, rule):
    with pytest.raises(wann_jax.ConfigError, match=f"^devices must be {rule}"):
        check_devices(devices)


IMPORT = """
import os, jax
from jax._src import xla_bridge
environment, values = dict(os.environ), dict(jax.config.values)
import wann_jax
assert dict(os.environ) == environment, set(os.environ.items()) ^ set(environment.items())
assert not xla_bridge.backends_are_initialized()
for name in wann_jax.__all__:
    getattr(wann_jax, name)
assert jax.config.values == values
print(len(jax.devices()))
"""


@MORE_DEVICES
def test_importing_the_package_changes_no_setting_and_starts_nothing():
    assert in_fresh_process(IMPORT) == ["1"]
    assert in_fresh_process(IMPORT, WANN_CPU_DEVICES="2") == ["1"]  # that is for the command line


def test_unknown_names_of_the_package_are_attribute_errors():
    with pytest.raises(AttributeError, match="module 'wann_jax' has no attribute 'nothing'"):
        wann_jax.nothing  # noqa: B018  (asking is the test)
    assert {*wann_jax.__all__} <= {*dir(wann_jax)}


COMMAND = """
import sys, jax
from wann_jax.cli import main
status = main(["evaluate", "xor", "--task", "xor", "--weights=1"])
print(status, len(jax.devices()))
"""


@MORE_DEVICES
@pytest.mark.parametrize(("text", "jax_text", "number"), [("", None, 1), ("3", None, 3), ("3", "2", 2)])
def test_the_command_line_gets_as_many_devices_as_the_variable_says(text, jax_text, number):
    """Unless JAX's own setting says how many."""
    assert in_fresh_process(COMMAND, WANN_CPU_DEVICES=text, JAX_NUM_CPU_DEVICES=jax_text)[-1] == f"0 {number}"


@pytest.mark.parametrize("text", ["auto", "-1", "0", "1.5", "1000"])
def test_a_wrong_number_of_devices_is_told_in_one_line(monkeypatch, capsys, text):
    monkeypatch.setenv("WANN_CPU_DEVICES", text)
    assert main(["search", "xor"]) == 2
    assert capsys.readouterr().err == f"wann: $WANN_CPU_DEVICES must be a whole number from 1 to 999; got {text!r}\n"
