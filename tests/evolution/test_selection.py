"""Who survives and who breeds: elites in order, the culled never, tournament winners by the exact formula."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.selection import choose_parents

SIZE, BREEDERS, ELITES, DRAWS = 20, 16, 3, 1000
ORDER = np.random.default_rng(0).permutation(SIZE)


@cache
def chosen_pairs(tournament_size):
    """The parents and the partners of DRAWS generations."""

    def choose(key):
        return choose_parents(key, jnp.asarray(ORDER)[None], BREEDERS, ELITES, tournament_size)[:2]

    return [np.asarray(each) for each in jax.jit(jax.vmap(choose))(jax.random.split(jax.random.key(0), DRAWS))]


def chosen(tournament_size):
    return chosen_pairs(tournament_size)[0]


def test_elites_come_first_in_their_order():
    parents = chosen(tournament_size=1)
    assert parents.shape == (DRAWS, SIZE)
    assert (parents[:, :ELITES] == ORDER[:ELITES]).all()


def test_only_and_all_breeders_breed():
    parents = chosen(tournament_size=1)[:, ELITES:]
    assert set(parents.ravel().tolist()) == set(ORDER[:BREEDERS].tolist())


@pytest.mark.parametrize("tournament_size", [1, 4])
def test_winners_follow_the_exact_distribution(tournament_size):
    winners = chosen(tournament_size)[:, ELITES:].ravel()
    place = np.argsort(ORDER)[winners]
    at_least = ((BREEDERS - np.arange(BREEDERS + 1)) / BREEDERS) ** (2 * tournament_size)
    probability = at_least[:-1] - at_least[1:]
    deviation = np.sqrt(winners.size * probability * (1 - probability))
    observed = np.bincount(place, minlength=BREEDERS)
    assert (np.abs(observed - winners.size * probability) <= 5 * deviation + 1).all()


@pytest.mark.parametrize("tournament_size", [1, 4])
def test_partners_are_the_worse_of_two_tournament_winners(tournament_size):
    parents, partners = (np.argsort(ORDER)[each] for each in chosen_pairs(tournament_size))
    assert (parents <= partners).all()
    np.testing.assert_array_equal(parents[:, :ELITES], partners[:, :ELITES])
    # Of two independent winners, better and worse together, each place is as likely as in one tournament.
    at_least = ((BREEDERS - np.arange(BREEDERS + 1)) / BREEDERS) ** tournament_size
    probability = at_least[:-1] - at_least[1:]
    places = np.concatenate([parents[:, ELITES:].ravel(), partners[:, ELITES:].ravel()])
    deviation = np.sqrt(places.size * probability * (1 - probability))
    assert (np.abs(np.bincount(places, minlength=BREEDERS) - places.size * probability) <= 5 * deviation + 1).all()


def test_children_draw_independently():
    winners = chosen(tournament_size=1)[:, ELITES:]
    place = np.argsort(ORDER)[winners].astype(float)
    correlation = np.corrcoef(place, rowvar=False)[~np.eye(SIZE - ELITES, dtype=bool)]
    assert np.abs(correlation).max() < 5 / np.sqrt(DRAWS)


@pytest.mark.parametrize(
    ("population_size", "cull", "elite", "breeders", "elites"),
    [(192, 0.2, 0.2, 154, 30), (64, 0.2, 0.05, 52, 2), (960, 0.2, 0.2, 768, 153), (10, 0.0, 0.0, 10, 0)],
)
def test_fractions_are_rounded_as_the_original_does(population_size, cull, elite, breeders, elites):
    config = SearchConfig(population_size=population_size, cull_fraction=cull, elite_fraction=elite)
    assert (config.num_breeders, config.num_elites) == (breeders, elites)
