"""What every way to evaluate networks offers; choosing.py says which one runs.

A backend is a module's functions in one record. forward.py defines what they compute.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from jax import Array
from jaxtyping import Float

from wann_jax.networks.network import Network


class Policy(NamedTuple):
    """Networks that act, step after step."""

    memory: Any  # before the first step; a loop over steps carries it along
    step: Callable[[Any, Array], tuple[Any, Array]]  # of memory and inputs [P, L, I]: memory, and outputs [P, L, O]


class LaneEpisodes(NamedTuple):
    """Episodes as what a single lane does, for kernels that run them whole. Nothing in it is random.

    `step(constants, state, outputs [O])`: the state after one more step, its reward, and whether the episode ends with
    it. `observe(state)`: the network's inputs [I].
    """

    constants: Any
    start: Any  # states, with a leading axis of R episodes; lane n has episode n modulo R
    limit: Any  # steps
    step: Callable[[Any, Any, Array], tuple[Any, Array, Array]]
    observe: Callable[[Any], Array]


def as_it_stands(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's result."""
    return function(*arguments)


class Backend(NamedTuple):
    """A way to evaluate networks.

    `samples(networks, shared_weights [W], inputs [B, I], summarise)`: what `summarise` makes of each network's outputs
    [W, B, O], with a leading P. `act(networks, lane_weights [L], use)`: what `use` makes of a policy; where `use` loops
    over steps, nothing that depends on the networks alone is in that loop. `individuals_per_block(networks, L)`: how
    many such a loop should take at once. `episodes(networks, lane_weights, lane)`, if there is such a kernel: returns
    [P, L] and steps [P] of whole episodes, or NotLanewiseError. `apart(function, *arguments)`: the function's result,
    where each lane works for itself (`kernels/apart.py`).
    """

    name: str
    samples: Callable[[Network, Float[Array, "W"], Float[Array, "B I"], Callable[..., Any]], Any]
    act: Callable[[Network, Float[Array, "L"], Callable[[Policy], Any]], Any]
    individuals_per_block: Callable[[Network, int], int]
    steps_per_look: int = 1  # steps of an episode until the next look whether its last lane has ended
    episodes: Callable[[Network, Float[Array, "L"], LaneEpisodes], tuple[Array, Array]] | None = None
    apart: Callable[..., Any] = as_it_stands
