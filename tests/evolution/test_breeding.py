"""A population that lives in shares on several devices breeds, grows and is kept as one that lives on one."""

import dataclasses
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import assert_same
from wann_jax import devices as devices_module
from wann_jax.devices import AXIS, home_of, is_divided, on_devices, placed
from wann_jax.evolution import loop
from wann_jax.evolution.breeding import breed_in_place, individuals_at
from wann_jax.evolution.selection import choose_parents, with_migrants
from wann_jax.genomes import population
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.genomes.population import Pairs, initial_population, with_room
from wann_jax.runs.checkpoints import Checkpoints

ROOT = Path(__file__).parents[2]
TASK = wann.make_task("xor")
SETTINGS = dict(population_size=48, tournament_size=2, champion_candidates=3, max_changes=2, add_node_rate=2.0)
ON_EIGHT = pytest.mark.skipif(len(jax.devices()) < 8, reason="for the process with eight devices")


@pytest.fixture
def always_divided(monkeypatch):
    monkeypatch.setattr(devices_module, "LEAST_DIVIDED", 0)


@pytest.mark.skipif(len(jax.devices()) > 1, reason="this is the process with more devices")
def test_the_tests_of_this_file_pass_on_eight_devices():
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "8"}
    call = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(call, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert ", 1 skipped" in done.stdout, done.stdout


@cache
def ancestors(is_ordered):
    """Different genomes with hidden nodes, on no device in particular."""
    config = wann.SearchConfig(**SETTINGS)
    spec = GenomeSpec.for_task(2, 1, (1, 5, 9), 32, is_ordered=is_ordered)
    genomes = initial_population(jax.random.key(0), spec, config.population_size, 0.7)
    for generation in range(4):
        pairs, choice = chosen(config, generation, False, is_ordered)
        key = jax.random.key(100 + generation)
        first_mark = jnp.int32(spec.num_fixed + 96 * generation)
        with on_devices((jax.devices()[0],)):
            genomes = jax.jit(breed_in_place)(key, config, genomes, pairs, choice, first_mark).genome
    return jax.tree.map(np.asarray, genomes)


def chosen(config, seed, is_due, is_ordered):
    """Pairs in a random order of the population."""
    random, size = np.random.default_rng(seed), config.island_size
    order = np.stack([random.permutation(size) + size * island for island in range(config.islands)])
    sizes = (config.num_breeders, config.num_elites, config.tournament_size)
    choice = choose_parents(jax.random.key(seed), jnp.asarray(order), *sizes)
    choice = with_migrants(choice, jnp.asarray(order), config.migrants, jnp.bool_(is_due))
    is_crossed = jnp.asarray(random.random(config.population_size) < 0.6 * is_ordered)
    return Pairs(choice.parents, choice.partners, is_crossed), choice


def divided(genomes):
    genomes = jax.tree.map(jnp.asarray, genomes)
    return placed(genomes, jax.tree.map(lambda table: home_of(genomes), genomes))


@cache
def compiled(num_devices, config, is_ordered):
    """What breeds on so many devices."""

    @jax.jit
    def breed_there(genomes, key, pairs, choice):
        return breed_in_place(key, config, genomes, pairs, choice, jnp.int32(1000))

    def call(pairs, choice):
        with on_devices(tuple(jax.devices()[:num_devices])):
            return breed_there(divided(ancestors(is_ordered)), jax.random.key(7), pairs, choice)

    return call


@ON_EIGHT
@pytest.mark.parametrize(
    ("islands", "migrants", "num_devices", "is_ordered"),
    [
        (1, 1, 3, True),
        (3, 2, 2, True),  # an island in two shares
        (8, 1, 8, False),
    ],
)
def test_children_are_the_same_on_all_devices(always_divided, islands, migrants, num_devices, is_ordered):
    config = wann.SearchConfig(**SETTINGS, islands=islands, migrants=migrants)
    for is_due in (False, True):
        pairs, choice = chosen(config, 9, is_due, is_ordered)
        alone = compiled(1, wann.SearchConfig(**SETTINGS), is_ordered)(pairs, choice)
        together = compiled(num_devices, config, is_ordered)(pairs, choice)
        assert_same(together, alone)
        for table in jax.tree.leaves(together.genome):
            assert {shard.data.shape[0] for shard in table.addressable_shards} == {48 // num_devices}
    assert (np.asarray(alone.kind) >= 0).sum() > 20


@ON_EIGHT
def test_some_individuals_come_to_all_devices(always_divided):
    places = jnp.asarray([47, 0, 13, 13])
    with on_devices(tuple(jax.devices())):
        found = jax.jit(individuals_at)(divided(ancestors(False)), places)
    assert_same(found, jax.tree.map(lambda table: table[np.asarray(places)], ancestors(False)))
    assert all(table.sharding.is_fully_replicated for table in jax.tree.leaves(found))


@ON_EIGHT
def test_a_population_is_divided_if_it_is_large_and_shares_are_equal():
    size = devices_module.LEAST_DIVIDED // 4
    for count, divided in ((size, True), (size - 8, False), (size + 1, False)):
        assert is_divided(jax.ShapeDtypeStruct((count,), jnp.int32)) == divided
    with on_devices((jax.devices()[0],)):
        assert not is_divided(jax.ShapeDtypeStruct((size,), jnp.int32))
    assert home_of(jax.ShapeDtypeStruct((size,), jnp.int32)).spec == jax.sharding.PartitionSpec(AXIS)


@ON_EIGHT
def test_a_divided_search_grows_is_kept_and_goes_on_elsewhere(always_divided, monkeypatch, tmp_path):
    """In tables of few nodes at first; from eight devices to three by a checkpoint."""
    for module in (population, loop):
        monkeypatch.setattr(module, "MIN_HIDDEN_CAPACITY", 4)
    config = wann.SearchConfig.preset("xor", "quick", **SETTINGS, generations=4)
    longer = dataclasses.replace(config, generations=6)
    alone = wann.search(TASK, longer, seed=5, devices=jax.devices()[:1])
    *_, half = loop.dispatches(TASK, config, loop.start(TASK, config, 5), devices=jax.devices())
    assert half.state.genomes.spec.max_hidden > 4
    assert {shard.data.shape[0] for shard in half.state.genomes.num_nodes.addressable_shards} == {6}
    Checkpoints(tmp_path).save(half.state, keep=1)
    state = Checkpoints(tmp_path).load(TASK, longer)
    *_, last = loop.dispatches(TASK, longer, state, devices=jax.devices()[:3])
    assert {shard.data.shape[0] for shard in last.state.genomes.num_nodes.addressable_shards} == {16}
    assert_same(last.state, alone.state)
    assert_same(with_room(last.state.genomes, 64), with_room(alone.state.genomes, 64))
