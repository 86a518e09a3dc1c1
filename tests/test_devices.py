"""Splitting a population over devices and into blocks gives what the plain function gives."""

import os
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.helpers import FEW_INPUTS, assert_same, pool
from wann_jax import devices
from wann_jax.devices import over_blocks, over_population, population_mesh, replicated
from wann_jax.genomes.graph import live_nodes


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


@pytest.mark.parametrize(
    ("environment", "already", "expected"),
    [
        ({"WANN_CPU_DEVICES": "3"}, -1, [("jax_num_cpu_devices", 3)]),
        ({"WANN_CPU_DEVICES": "3"}, 4, []),
        ({"WANN_CPU_DEVICES": "3", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}, -1, []),
        ({}, -1, [("jax_num_cpu_devices", "cores")]),
    ],
    ids=["variable", "set_by_user", "set_by_flag", "default"],
)
def test_cores_become_devices_unless_the_user_has_chosen(monkeypatch, environment, already, expected):
    updates = []
    config = SimpleNamespace(jax_num_cpu_devices=already, update=lambda *setting: updates.append(setting))
    monkeypatch.setattr(devices, "jax", SimpleNamespace(config=config))
    monkeypatch.delenv("WANN_CPU_DEVICES", raising=False)
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    devices.make_cores_devices()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert updates == [(name, cores if value == "cores" else value) for name, value in expected]


def test_a_started_jax_is_left_alone(monkeypatch):
    def refuse(*setting):
        raise RuntimeError("already started")

    config = SimpleNamespace(jax_num_cpu_devices=-1, update=refuse)
    monkeypatch.setattr(devices, "jax", SimpleNamespace(config=config))
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    assert devices.make_cores_devices() is None
