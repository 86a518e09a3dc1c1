"""What a mutation is made of: a kind of change, and what one writes.

In: uniform draws. Out: choices among candidates. Used by mutation.py and graded.py, which list and define the kinds.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Int

from wann_jax.genomes.genome import Genome
from wann_jax.genomes.hashing import mix

NOWHERE = 2**31 - 1  # past the end of every table


@dataclasses.dataclass(frozen=True)
class Mutation:
    """One kind of change; `MUTATIONS` lists all."""

    name: str
    rate: float  # by default, relative to the others: the paper's
    grows: bool  # whether it adds an enabled connection
    new_nodes: int  # genes that it needs room for
    new_connections: int
    candidates: Callable[[Genome], Bool[Array, "n"]]  # nodes or connections that it may begin from
    edit: "Callable[[Any, Genome, Any, Any], Edit]"  # draw, genome, slot of the candidate, mark of a new node


class Edit(NamedTuple):
    """What a change writes; by default nothing."""

    switched: Array | int = NOWHERE  # slot of a connection that is turned on or off
    is_on: Array | bool = False
    node: Array | int = NOWHERE  # slot of the node, old or new, that gets an activation
    activation: Array | int = 0
    is_birth: Array | bool = False  # whether the node is new; then:
    layer: Array | int = 0
    depth: Array | int = 0
    sources: tuple[Array | int, Array | int] = (0, 0)  # of new connections
    targets: tuple[Array | int, Array | int] = (0, 0)
    num_connections: Array | int = 0  # how many of the two there are
    pushes: Array | bool = False  # whether layers may have to move up


def pick(draw: Float[Array, ""], mask: Bool[Array, "n"]) -> Int[Array, ""]:
    """Index of a True entry, by a uniform draw; n if there is none. The choice does not depend on n."""
    cumulated = jnp.cumsum(mask.astype(jnp.int32))
    return (cumulated <= nth(draw, cumulated[-1])).sum()


def pick_again(draw: Float[Array, ""], mask: Bool[Array, "n"]) -> Int[Array, ""]:
    """Like `pick`, but what `pick` makes of the same draw tells nothing of it."""
    cumulated = jnp.cumsum(mask.astype(jnp.uint32))
    return (cumulated <= mix(lax.bitcast_convert_type(draw, jnp.uint32)) % jnp.maximum(cumulated[-1], 1)).sum()


def nth(draw: Float[Array, ""], count: Int[Array, ""]) -> Int[Array, ""]:
    """A whole number from 0 to count - 1; 0 if count is 0."""
    return (draw * count.astype(jnp.float32)).astype(jnp.int32)
