"""The kernels as XLA compiles them for CPUs: where there is no C++ compiler, they run.

In: networks, weights, inputs. Out: outputs. forward.py defines what they compute.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from wann_jax.genomes.activation_ids import SUM
from wann_jax.kernels.backend import Policy
from wann_jax.networks.activations import apply_activation, apply_activations
from wann_jax.networks.network import FIRST_INPUT_SLOT, Network

LANES_PER_TILE = 1536  # weights x samples: a tile's slots stay in the second-level cache, and memory is bounded
BLOCK_BYTES = 300 << 10  # of the slots of a block of individuals: they stay in the cache


def act(networks: Network, lane_weights: Float[Array, "L"], use: Callable[[Policy], Any]) -> Any:
    """A policy's memory are the slots of all lanes, which need not be cleared at every step."""
    num_networks, num_lanes = networks.num_rows.shape[0], lane_weights.shape[0]
    memory = jnp.zeros((num_networks, networks.spec.num_slots, num_lanes)).at[:, 1].set(1.0)
    return use(Policy(memory, lambda values, inputs: _lanes(values, networks, lane_weights, inputs)))


def individuals_per_block(networks: Network, num_lanes: int) -> int:
    """How many individuals a loop over time steps should take at once."""
    return max(1, BLOCK_BYTES // (4 * networks.spec.num_slots * num_lanes))


def samples(
    networks: Network,
    shared_weights: Float[Array, "W"],
    inputs: Float[Array, "B I"],
    summarise: Callable[..., Any],
) -> Any:
    """One network runs at a time, so that each row runs only its own activation."""
    num_samples, num_inputs = inputs.shape
    num_weights = shared_weights.shape[0]
    num_tiles = -(-num_samples // max(1, LANES_PER_TILE // num_weights))
    tile = -(-num_samples // num_tiles)
    padded = jnp.pad(inputs, ((0, num_tiles * tile - num_samples), (0, 0)))
    tiles = padded.reshape(num_tiles, tile, num_inputs).transpose(0, 2, 1)

    def one_network(values, network):
        values, outputs = lax.scan(
            lambda values, samples: _forward_tile(values, network, shared_weights, samples), values, tiles
        )  # outputs: [tiles, O, W, tile]
        outputs = outputs.transpose(2, 0, 3, 1).reshape(num_weights, num_tiles * tile, -1)
        return values, summarise(outputs[:, :num_samples])

    values = jnp.zeros((networks.spec.num_slots, num_weights, tile))
    return lax.scan(one_network, values, networks)[1]


def _forward_tile(
    values: Float[Array, "S W B"], network: Network, shared_weights: Float[Array, "W"], inputs: Float[Array, "I B"]
) -> tuple[Float[Array, "S W B"], Float[Array, "O W B"]]:
    """One network on one tile of samples. `values` is memory to work in, with zeros in slot 0."""
    spec = network.spec
    lanes = values.shape[1:]
    constants = jnp.concatenate([jnp.zeros((1, lanes[1])), jnp.ones((1, lanes[1])), inputs])
    if not spec.max_input_sums:  # rows read bias and inputs themselves
        values = values.at[: spec.first_sum_slot].set(constants[:, None])

    def total(slots, sources):
        return sum(lax.dynamic_index_in_dim(slots, sources[k], keepdims=False) for k in range(spec.row_width))

    def write(values, slot, value):
        return lax.dynamic_update_slice(values, jnp.broadcast_to(value, lanes)[None], (slot, 0, 0))

    def add_sum(index, values):
        return write(values, spec.first_sum_slot + index, total(constants, network.sum_source[index]))

    def add_row(index, values):
        activation = network.row_activation[index]
        scale = jnp.where(activation == SUM, 1.0, shared_weights)[:, None]
        value = apply_activation(activation, scale * total(values, network.row_source[index]))
        return write(values, spec.first_row_slot + index, value)

    if spec.max_input_sums:
        values = lax.fori_loop(0, network.num_sums, add_sum, values)
    values = lax.fori_loop(0, network.num_rows, add_row, values)
    return values, values[network.output_slot]


def _lanes(
    values: Float[Array, "P S L"], networks: Network, lane_weights: Float[Array, "L"], inputs: Float[Array, "P L I"]
) -> tuple[Float[Array, "P S L"], Float[Array, "P L O"]]:
    """All networks take the same row at the same time, so each evaluates every activation.

    The loop ends with the last row of the largest network.
    """
    spec = networks.spec
    values = lax.dynamic_update_slice(values, inputs.transpose(0, 2, 1), (0, FIRST_INPUT_SLOT, 0))

    def total(values, sources):
        # Without the wrap of negative indices XLA leaves these small gathers on one thread; with it, it counts the
        # whole table's wraps as work and splits each gather over threads, which costs more than the gather.
        gather = jax.vmap(lambda slots, slot: slots.at[slot].get(mode="promise_in_bounds", wrap_negative_indices=False))
        return sum(gather(values, sources[:, k]) for k in range(spec.row_width))

    def write(values, slot, value):
        return lax.dynamic_update_slice(values, value[:, None], (0, slot, 0))

    def add_sum(index, values):
        return write(values, spec.first_sum_slot + index, total(values, networks.sum_source[:, index]))

    def add_row(index, values):
        activation = networks.row_activation[:, index, None]
        scale = jnp.where(activation == SUM, 1.0, lane_weights)
        value = apply_activations(activation, scale * total(values, networks.row_source[:, index]))
        return write(values, spec.first_row_slot + index, value)

    if spec.max_input_sums:
        values = lax.fori_loop(0, networks.num_sums.max(), add_sum, values)
    values = lax.fori_loop(0, networks.num_rows.max(), add_row, values)
    return values, jax.vmap(lambda slots, output: slots[output])(values, networks.output_slot).transpose(0, 2, 1)
