"""Who breeds and who survives: culling, elites, tournaments.

In: the ranking order of a generation. Out: for every slot of the next generation, the individual it comes from.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int, Key


def choose_parents(
    key: Key[Array, ""], order: Int[Array, "P"], num_breeders: int, num_elites: int, tournament_size: int
) -> Int[Array, "P"]:
    """Source of each slot of the next generation: elites in their order, then winners of tournaments.

    Consumes `key`. Individuals past the best `num_breeders` are culled. As in the original, a child's parent is the
    better of *two* tournament winners: a tournament of twice the size, with replacement, among the breeders.
    """
    num_children = order.shape[0] - num_elites
    entrants = jax.random.randint(key, (num_children, 2 * tournament_size), 0, num_breeders)
    winners = entrants.min(axis=1)  # places in the order: smaller is better
    return order[jnp.concatenate([jnp.arange(num_elites), winners])]
