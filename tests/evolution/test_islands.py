"""Islands: each breeds alone, neighbours get the best on time, and nothing else of a search changes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import assert_same, individuals
from tests.oracle import islands as oracle
from tests.oracle import ranking
from wann_jax.evolution import loop
from wann_jax.evolution.generation import run_generations
from wann_jax.evolution.ranking import rank, rank_islands
from wann_jax.evolution.selection import choose_parents, with_migrants
from wann_jax.runs.checkpoints import Checkpoints

TASK = wann.make_task("xor")
SIZE, ISLANDS, INTERVAL = 8, 3, 4
SETTINGS = dict(population_size=SIZE * ISLANDS, islands=ISLANDS, migration_interval=INTERVAL, migrants=2)
CONFIG = wann.SearchConfig.preset(
    "xor", "quick", **SETTINGS, generations=12, tournament_size=2, champion_candidates=3, add_node_rate=2.0
)


@pytest.mark.parametrize("islands", [1, 2, 5])
@pytest.mark.parametrize("is_due", [False, True])
@pytest.mark.parametrize("migrants", [0, 1, 3])
def test_parents_follow_the_oracle(islands, is_due, migrants):
    size, breeders, elites, tournament = 9, 7, 2, 3
    random = np.random.default_rng(islands)
    order = np.stack([random.permutation(size) + size * island for island in range(islands)])
    key, entrants_key = (jax.random.key(1) for _ in range(2))
    choice = choose_parents(key, jnp.asarray(order), breeders, elites, tournament)
    choice = with_migrants(choice, jnp.asarray(order), migrants, jnp.bool_(is_due))
    entrants = jax.random.randint(entrants_key, (islands, size - elites, 2 * tournament), 0, breeders)
    wanted = oracle.chosen(order.tolist(), entrants.tolist(), elites, migrants, is_due)
    assert [*zip(*(part.tolist() for part in choice), strict=True)] == wanted


def test_one_island_draws_what_a_population_always_drew():
    """The same entrants as before there were islands."""
    keys = [jax.random.key(2) for _ in range(2)]
    choice = choose_parents(keys[0], jnp.arange(9)[None], 7, 2, 3)
    entrants = jax.random.randint(keys[1], (7, 6), 0, 7)
    assert choice.parents.tolist() == [0, 1, *entrants.min(axis=1).tolist()]


def test_islands_are_ranked_alone():
    points = jnp.asarray(np.random.default_rng(0).integers(0, 3, (20, 2)), jnp.float32)
    order, front = jax.jit(rank_islands, static_argnums=1)(points, 4)
    for island, start in enumerate(range(0, 20, 5)):
        mine = points[start : start + 5].tolist()
        assert order[island].tolist() == [start + place for place in ranking.rank_order(mine)]
        assert front[start : start + 5].tolist() == ranking.fronts(mine)
    order, front = rank_islands(points, 1)
    assert_same((order[0], front), tuple(rank(points)))


def states(config, generations):
    """The state after each generation."""
    state = loop.start(TASK, config, seed=1)
    for _ in range(generations):
        state, metrics = run_generations(config, state, TASK, jnp.int32(1))
        yield jax.tree.map(jnp.copy, state), metrics


def origins(state):
    """For each individual, the islands on which its hidden nodes were born, by their historical marks."""
    first = state.genomes.spec.num_fixed
    return [
        {(int(mark) - first) % (SIZE * ISLANDS) // SIZE for mark in genome.node_mark[first : int(genome.num_nodes)]}
        for genome in individuals(state.genomes)
    ]


def home(individual):
    return individual // SIZE


def test_islands_mix_only_when_migrants_come_and_only_with_the_one_before():
    for generation, (state, _) in enumerate(states(CONFIG, 2 * INTERVAL), 1):
        strangers = [(home(slot), island) for slot, found in enumerate(origins(state)) for island in found]
        strangers = {(mine, island) for mine, island in strangers if mine != island}
        if generation < INTERVAL:
            assert strangers == set()
        elif generation < 2 * INTERVAL:
            assert strangers
            assert strangers <= {(island, (island - 1) % ISLANDS) for island in range(ISLANDS)}
        else:
            assert len(strangers) > ISLANDS


def test_without_migrants_islands_never_mix():
    alone = dataclasses.replace(CONFIG, migrants=0)
    *_, (state, _) = states(alone, 3 * INTERVAL)
    assert [found <= {home(slot)} for slot, found in enumerate(origins(state))] == [True] * SIZE * ISLANDS
    assert any(origins(state))


def test_migrants_are_copies_of_the_best_of_the_island_before():
    elites = CONFIG.num_elites
    assert 0 < elites <= CONFIG.migrants == 2
    for generation, (state, metrics) in enumerate(states(CONFIG, INTERVAL), 1):
        found = individuals(state.genomes)
        for island in range(ISLANDS):
            best, guest = found[(island - 1) % ISLANDS * SIZE], found[(island + 1) * SIZE - CONFIG.migrants]
            same = all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(best), jax.tree.leaves(guest), strict=True))
            assert same == (generation == INTERVAL)
        assert 1 <= int(metrics.num_fronts[0]) <= SIZE


def test_the_interval_compiles_nothing_again():
    before = run_generations._cache_size()
    for interval in (3, 5):
        config = dataclasses.replace(CONFIG, migration_interval=interval)
        run_generations(config, loop.start(TASK, config, 1), TASK, jnp.int32(1))
    assert run_generations._cache_size() - before <= 1


def test_a_search_goes_on_from_a_checkpoint_to_the_same_end(tmp_path):
    whole = wann.search(TASK, CONFIG, seed=2)
    *_, half = loop.dispatches(TASK, dataclasses.replace(CONFIG, generations=6), loop.start(TASK, CONFIG, seed=2))
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(half.state, keep=1)
    *_, last = loop.dispatches(TASK, CONFIG, checkpoints.load(TASK, CONFIG))
    assert_same(last.state, whole.state)
