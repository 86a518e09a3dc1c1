"""Smaller networks: one connection after another is taken away, each time the one whose loss costs least.

In: a task, a genome, shared weights. Out: a genome with fewer connections. A round is one evaluation, of all networks
that have one connection less.
"""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int, Key

from wann_jax.devices import over_population, replicated
from wann_jax.errors import require
from wann_jax.evolution.config import PUBLISHED_WEIGHTS, check_weights
from wann_jax.genomes.building import pruned
from wann_jax.genomes.genome import Genome
from wann_jax.genomes.graph import live_nodes
from wann_jax.kernels.choosing import check_choice
from wann_jax.networks.compiling import express
from wann_jax.strictness import in_32_bits
from wann_jax.tasks.base import Task, check_fits


@in_32_bits
def trim(
    task: Task,
    genome: Genome,
    connections: int,
    shared_weights: Sequence[float] = PUBLISHED_WEIGHTS,
    episodes: int = 16,
    seed: int = 0,
    on_round: Callable[[int, float], None] = lambda left, score: None,
) -> Genome:
    """A network with fewer connections, by greedy removal; what it is good for at shared weights is kept as it goes.

    Args:
        task: what the network is for.
        genome: one genome.
        connections: how many to leave at most; with one often others go that led nowhere else.
        shared_weights: whose mean score decides, on the validation split or on held-out episodes.
        episodes: for each weight, the same in all rounds (control).
        seed: of the episodes.
        on_round: called after each with the connections that are left and their score.

    Returns:
        A genome without disabled and dead connections. Connections from which no way leads to an output go first.

    Raises:
        ConfigError: if the network does not fit the task, or an argument is out of range.
    """
    values = check_weights("weights", shared_weights)
    require(connections >= 1, "connections", "at least 1", connections)
    require(episodes >= 1, "episodes", "at least 1", episodes)
    require(0 <= seed < 2**63, "seed", "between 0 and 2**63 - 1", seed)
    check_choice()
    check_fits(task, express(genome))
    task, weights = jax.device_put((task, jnp.asarray(values, jnp.float32)), replicated())
    genome = _without_dead(genome)
    most = int(genome.num_enabled)  # candidates of every round, so that one program does for all
    while (left := int(genome.num_enabled)) > connections:
        places = np.resize(np.flatnonzero(genome.enabled_mask), most).astype(np.int32)
        key = jax.random.key(seed)  # in all rounds the same
        scores = np.asarray(_scores_without(task, genome, jnp.asarray(places), weights, key, episodes))[:left]
        best = int(np.where(np.isfinite(scores), scores, -np.inf).argmax())
        genome = _without_dead(_without(genome, jnp.int32(places[best])))
        on_round(int(genome.num_enabled), float(scores[best]))
    return pruned(genome, np.ones(int(genome.num_enabled)))[0]


@partial(jax.jit, static_argnames="episodes")
def _scores_without(
    task: Task, genome: Genome, places: Int[Array, "P"], weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
) -> Float[Array, "P"]:
    """Of the network without each of these connections: the mean score over weights and episodes."""

    def score(places, task, genome, weights, key):
        networks = jax.vmap(lambda place: express(_without(genome, place)))(places)
        return task.score(networks, weights, key, episodes, "validation").mean((1, 2))

    return over_population(score)(places, task, genome, weights, key)


def _without(genome: Genome, place: Int[Array, ""]) -> Genome:
    return genome.replace(conn_enabled=genome.conn_enabled.at[place].set(False))


@jax.jit
def _without_dead(genome: Genome) -> Genome:
    """Without connections from which no way leads to an output."""
    return genome.replace(conn_enabled=genome.conn_enabled & live_nodes(genome)[genome.conn_target])
