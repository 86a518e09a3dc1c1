"""Who breeds and who survives: culling, elites, tournaments, migrants.

In: the ranking order of a generation, island by island. Out: for every slot of the next generation, the individuals it
comes from, by their places in the whole population. An island's slots follow each other.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Int, Key


class Choice(NamedTuple):
    """Who the next generation comes from; slots from 0 to P."""

    parents: Int[Array, "P"]
    partners: Int[Array, "P"]  # for crossover
    passes: Bool[Array, "P"]  # whether the parent itself takes the slot, unchanged


def choose_parents(
    key: Key[Array, ""], order: Int[Array, "K S"], num_breeders: int, num_elites: int, tournament_size: int
) -> Choice:
    """On each of K islands of S individuals: first its elites in their order, then the winners of its tournaments.

    Consumes `key`. Of an island, individuals past the best `num_breeders` are culled. As in the original, a child's
    parent is the better of *two* tournament winners: a tournament of twice the size, with replacement, among the
    breeders. The other winner is the partner.
    """
    islands, size = order.shape
    num_children = size - num_elites
    entrants = jax.random.randint(key, (islands, num_children, 2 * tournament_size), 0, num_breeders)
    # Places in the order: smaller is better.
    winners = entrants.reshape(islands, num_children, 2, tournament_size).min(axis=3)
    elites = jnp.broadcast_to(jnp.arange(num_elites), (islands, num_elites))
    parents, partners = (
        jnp.take_along_axis(order, jnp.concatenate([elites, places], axis=1), axis=1).ravel()
        for places in (winners.min(axis=2), winners.max(axis=2))
    )
    return Choice(parents, partners, jnp.tile(jnp.arange(size) < num_elites, islands))


def with_migrants(choice: Choice, order: Int[Array, "K S"], num_migrants: int, is_due: Bool[Array, ""]) -> Choice:
    """If it is due, each island's last slots are for the best of the island before it, unchanged; a ring.

    One island alone stays as it is.
    """
    islands, size = order.shape
    if islands == 1:
        return choice
    guests = jnp.roll(order[:, :num_migrants], 1, axis=0)
    parents = choice.parents.reshape(islands, size).at[:, size - num_migrants :].set(guests).ravel()
    is_guest = is_due & jnp.tile(jnp.arange(size) >= size - num_migrants, islands)
    return choice._replace(parents=jnp.where(is_guest, parents, choice.parents), passes=choice.passes | is_guest)
