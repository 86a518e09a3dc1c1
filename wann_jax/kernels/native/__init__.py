"""The kernels in C++, for CPUs (wann_jax/native compiles and calls them).

In: networks, weights, inputs. Out: outputs. ../forward.py defines what they compute.
"""

import sys
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from wann_jax.genomes import activation_ids
from wann_jax.kernels.backend import Policy
from wann_jax.native import Library, Value, compile_together, numbers
from wann_jax.networks import network
from wann_jax.networks.network import Network

TILE = 64  # samples
# A block's values stay in the cache, and its operations below the size from which XLA splits even the smallest over
# threads.
LANES_PER_BLOCK = 1728


def program_constants() -> dict[str, Value]:
    """What program.h shares with Python."""
    return numbers(sys.modules[__name__], network, activation_ids)


FORWARD = Library("forward", "wann_forward_lanes", seconds=4, constants=program_constants)
SAMPLES = Library("samples", "wann_forward_samples", seconds=4, constants=program_constants)


@runtime_checkable
class NativeSummary(Protocol):
    """A summary of outputs that is also written in C++ (losses.py)."""

    def has_native(self) -> bool:
        """Whether `natively` can be called."""
        ...

    def natively(
        self, networks: Network, shared_weights: Float[Array, "W"], tiles: Float[Array, "T C S"], num_samples: int
    ) -> Any:
        """For every network, from tiles of constants and `num_samples` inputs."""
        ...


def ready() -> bool:
    """Whether programs are to use these kernels: all or none. Raises ConfigError as `Library.ready`."""
    compile_together(FORWARD, SAMPLES)
    return FORWARD.ready() and SAMPLES.ready()


def act(networks: Network, lane_weights: Float[Array, "L"], use: Callable[[Policy], Any]) -> Any:
    """A policy needs no memory."""
    return use(Policy((), lambda nothing, inputs: (nothing, _lanes(networks, lane_weights, inputs))))


def individuals_per_block(networks: Network, num_lanes: int) -> int:
    """How many individuals a loop over time steps should take at once."""
    return max(1, LANES_PER_BLOCK // num_lanes)


def samples(
    networks: Network,
    shared_weights: Float[Array, "W"],
    inputs: Float[Array, "B I"],
    summarise: Callable[..., Any],
) -> Any:
    """One network runs at a time, unless the summary has a native version, which takes them all."""
    tiles = _tiles_for_native(inputs)
    if isinstance(summarise, NativeSummary) and summarise.has_native():
        return summarise.natively(networks, shared_weights, tiles, inputs.shape[0])
    shape = (1, networks.spec.num_outputs, shared_weights.shape[0], inputs.shape[0])
    result = jax.ShapeDtypeStruct(shape, jnp.float32)

    def one_network(nothing, network):
        alone = jax.tree.map(lambda table: table[None], network)
        outputs = SAMPLES.call("wann_forward_samples", result, *alone.kernel_tables, shared_weights, tiles)
        return nothing, summarise(outputs[0].transpose(1, 2, 0))

    return lax.scan(one_network, None, networks)[1]


def _tiles_for_native(inputs: Float[Array, "B I"]) -> Float[Array, "T C S"]:
    """Constants (zero, one) and inputs of TILE samples each; the last tile is padded."""
    num_tiles = -(-inputs.shape[0] // TILE)
    padded = jnp.pad(inputs.T, ((0, 0), (0, num_tiles * TILE - inputs.shape[0])))
    constants = jnp.stack([jnp.zeros_like(padded[0]), jnp.ones_like(padded[0])])
    return jnp.concatenate([constants, padded]).reshape(-1, num_tiles, TILE).transpose(1, 0, 2)


def _lanes(networks: Network, lane_weights: Float[Array, "L"], inputs: Float[Array, "P L I"]) -> Float[Array, "P L O"]:
    result = jax.ShapeDtypeStruct((*inputs.shape[:2], networks.spec.num_outputs), jnp.float32)
    return FORWARD.call(
        "wann_forward_lanes",
        result,
        *networks.kernel_tables,
        lane_weights,
        inputs,
        major_to_minor={7: (2, 0, 1)},  # as environments that stack their observations leave them
    )
