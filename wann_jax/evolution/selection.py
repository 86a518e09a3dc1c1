"""Who breeds and who survives: culling, elites, tournaments.

In: the ranking order of a generation. Out: for every slot of the next generation, the individuals it comes from.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int, Key


def choose_parents(
    key: Key[Array, ""], order: Int[Array, "P"], num_breeders: int, num_elites: int, tournament_size: int
) -> tuple[Int[Array, "P"], Int[Array, "P"]]:
    """Parent of each slot of the next generation, and a partner for crossover: elites in their order, then winners
    of tournaments.

    Consumes `key`. Individuals past the best `num_breeders` are culled. As in the original, a child's parent is the
    better of *two* tournament winners: a tournament of twice the size, with replacement, among the breeders. The other
    winner is the partner.
    """
    num_children = order.shape[0] - num_elites
    entrants = jax.random.randint(key, (num_children, 2 * tournament_size), 0, num_breeders)
    winners = entrants.reshape(num_children, 2, tournament_size).min(axis=2)  # places in the order: smaller is better
    elites = jnp.arange(num_elites)
    parents, partners = (jnp.concatenate([elites, places]) for places in (winners.min(axis=1), winners.max(axis=1)))
    return order[parents], order[partners]
