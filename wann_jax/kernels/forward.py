"""Evaluating networks: the definition for one network, and the kernels that evaluate whole populations.

In: networks, weights, inputs. Out: outputs. `forward` defines what a network computes, for any weights, and is what
tuning differentiates. The kernels use one weight per lane and must agree with it:

- `forward_samples`: every network sees the same samples; input sums are shared by all weights.
- `forward_lanes`: every lane (weight x episode) of every network has its own inputs.

Both walk a network's rows in order and keep all lanes in the innermost, contiguous axis.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import Tracer
from jaxtyping import Float

from wann_jax import native
from wann_jax.errors import require
from wann_jax.genomes.activation_ids import SUM
from wann_jax.networks.activations import apply_activation, apply_activations
from wann_jax.networks.network import FIRST_INPUT_SLOT, Network

LANES_PER_TILE = 1536  # weights x samples: a tile's slots stay in the second-level cache, and memory is bounded
NATIVE_TILE = 64  # samples: kSampleLanes in kernels/native/program.h
# What `individuals_per_block` aims at: values in the cache, and operations below the size from which XLA splits even
# the smallest over threads. The native kernel needs no slots of its own.
LANES_PER_BLOCK = 1728
BLOCK_BYTES = 300 << 10


def forward(
    network: Network,
    weights: float | Float[Array | np.ndarray, ""] | Float[Array | np.ndarray, "C"],
    inputs: Float[Array | np.ndarray, "*batch I"],
) -> Float[Array, "*batch O"]:
    """Outputs of one network; differentiable in weights and inputs.

    `weights` is one shared weight, or one weight for each of `network.num_connections` enabled connections, in the
    order of the file or of the genome's table. At the step activation the
    derivative is the logistic function's (straight through). Raises ConfigError if a shape does not fit.
    """
    spec = network.spec
    inputs, weights = jnp.asarray(inputs, jnp.float32), jnp.asarray(weights, jnp.float32)
    _check_shapes(network, weights, inputs)
    batch = inputs.shape[:-1]

    def factor(connection):
        """Weights of list entries; entries that no connection carries have factor 1."""
        if weights.ndim == 0:
            return jnp.where(connection < spec.max_connections, weights, 1.0)
        return weights[: spec.max_connections].at[connection].get(mode="fill", fill_value=1.0)

    def weighted_sum(values, source, connection):
        return jnp.tensordot(factor(connection), values[source], axes=1)

    values = jnp.zeros((spec.num_slots, *batch))
    values = values.at[1].set(1.0)
    values = values.at[FIRST_INPUT_SLOT : spec.first_sum_slot].set(jnp.moveaxis(inputs, -1, 0))
    if spec.max_input_sums:
        sums = jax.vmap(weighted_sum, in_axes=(None, 0, 0))(values, network.sum_source, network.sum_connection)
        values = values.at[spec.first_sum_slot : spec.first_row_slot].set(sums)

    def add_row(values, row):
        slot, source, connection, activation = row
        value = apply_activation(activation, weighted_sum(values, source, connection))
        return values.at[slot].set(value), None

    slots = jnp.arange(spec.first_row_slot, spec.num_slots)
    rows = (slots, network.row_source, network.row_connection, network.row_activation)
    values, _ = lax.scan(add_row, values, rows)
    return jnp.moveaxis(values[network.output_slot], 0, -1)


def forward_samples(
    networks: Network,
    shared_weights: Float[Array, "W"],
    inputs: Float[Array, "B I"],
    summarise: Callable[..., Any] = lambda outputs: outputs,
) -> Any:
    """Outputs [P, W, B, O] of every network under every shared weight on the same samples.

    With `summarise`, what this function makes of each network's outputs [W, B, O] instead: the outputs of a whole
    population then never exist at once. See losses.py for summaries that also have a native version. Raises ConfigError
    if a shape does not fit.
    """
    _check_batch(networks, shared_weights)
    num_inputs = networks.spec.num_inputs
    fits = inputs.ndim == 2 and inputs.shape[1] == num_inputs
    require(fits, "inputs", f"an array of samples with the networks' {num_inputs} inputs each", inputs.shape)
    by_xla, natively = (partial(kernel, summarise=summarise) for kernel in (_samples_by_xla, _samples_natively))
    if not native.available():
        return by_xla(networks, shared_weights, inputs)
    return lax.platform_dependent(networks, shared_weights, inputs, cpu=natively, default=by_xla)


def _samples_natively(
    networks: Network,
    shared_weights: Float[Array, "W"],
    inputs: Float[Array, "B I"],
    summarise: Callable[..., Any],
) -> Any:
    tiles = _tiles_for_native(inputs)
    if hasattr(summarise, "natively"):
        return summarise.natively(networks, shared_weights, tiles, inputs.shape[0])
    shape = (1, networks.spec.num_outputs, shared_weights.shape[0], inputs.shape[0])
    result = jax.ShapeDtypeStruct(shape, jnp.float32)

    def one_network(nothing, network):
        alone = jax.tree.map(lambda table: table[None], network)
        outputs = native.call("wann_forward_samples", result, *alone.kernel_tables, shared_weights, tiles)
        return nothing, summarise(outputs[0].transpose(1, 2, 0))

    return lax.scan(one_network, None, networks)[1]


def _tiles_for_native(inputs: Float[Array, "B I"]) -> Float[Array, "T C S"]:
    """Constants (zero, one) and inputs of NATIVE_TILE samples each; the last tile is padded."""
    num_tiles = -(-inputs.shape[0] // NATIVE_TILE)
    padded = jnp.pad(inputs.T, ((0, 0), (0, num_tiles * NATIVE_TILE - inputs.shape[0])))
    constants = jnp.stack([jnp.zeros_like(padded[0]), jnp.ones_like(padded[0])])
    return jnp.concatenate([constants, padded]).reshape(-1, num_tiles, NATIVE_TILE).transpose(1, 0, 2)


def _samples_by_xla(
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


def forward_lanes(
    networks: Network, lane_weights: Float[Array, "L"], inputs: Float[Array, "P L I"]
) -> Float[Array, "P L O"]:
    """Outputs of every network in every lane; a lane has its own shared weight and its own inputs.

    Raises ConfigError if a shape does not fit.
    """
    _check_batch(networks, lane_weights)
    wanted = (networks.num_rows.shape[0], lane_weights.shape[0], networks.spec.num_inputs)
    require(inputs.shape == wanted, "inputs", f"of the shape networks x lanes x inputs, {wanted}", inputs.shape)
    return forward_lanes_in(lanes_memory(networks, lane_weights.shape[0]), networks, lane_weights, inputs)[1]


def individuals_per_block(networks: Network, num_lanes: int) -> int:
    """How many individuals a loop over time steps should take at once."""
    if native.available():
        return max(1, LANES_PER_BLOCK // num_lanes)
    return max(1, BLOCK_BYTES // (4 * networks.spec.num_slots * num_lanes))


def lanes_memory(networks: Network, num_lanes: int) -> Float[Array, "P S L"]:
    """Memory for `forward_lanes_in`: a loop over time steps carries it along, instead of clearing it every step."""
    num_networks = networks.num_rows.shape[0]
    return jnp.zeros((num_networks, networks.spec.num_slots, num_lanes)).at[:, 1].set(1.0)


def forward_lanes_in(
    values: Float[Array, "P S L"], networks: Network, lane_weights: Float[Array, "L"], inputs: Float[Array, "P L I"]
) -> tuple[Float[Array, "P S L"], Float[Array, "P L O"]]:
    """`forward_lanes` in given memory, which is returned for the next call."""
    if not native.available():
        return _lanes_by_xla(values, networks, lane_weights, inputs)
    return lax.platform_dependent(values, networks, lane_weights, inputs, cpu=_lanes_natively, default=_lanes_by_xla)


def _lanes_natively(
    values: Float[Array, "P S L"], networks: Network, lane_weights: Float[Array, "L"], inputs: Float[Array, "P L I"]
) -> tuple[Float[Array, "P S L"], Float[Array, "P L O"]]:
    result = jax.ShapeDtypeStruct((*inputs.shape[:2], networks.spec.num_outputs), jnp.float32)
    return values, native.call(
        "wann_forward_lanes",
        result,
        *networks.kernel_tables,
        lane_weights,
        inputs,
        major_to_minor={7: (2, 0, 1)},  # as environments that stack their observations leave them
    )


def _lanes_by_xla(
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


def _check_batch(networks: Network, weights: Array) -> None:
    shape = networks.num_rows.shape
    require(len(shape) == 1, "networks", "a batch of networks with one leading axis (stack_networks)", shape)
    require(weights.ndim == 1, "weights", "a list of shared weights", weights.shape)


def _check_shapes(network: Network, weights: Array, inputs: Array) -> None:
    num_inputs = network.spec.num_inputs
    fits = inputs.ndim > 0 and inputs.shape[-1] == num_inputs
    require(fits, "inputs", f"an array whose last axis holds the network's {num_inputs} inputs", inputs.shape)
    require(weights.ndim <= 1, "weights", "one number, or one number for each connection", weights.shape)
    if weights.ndim == 1 and not isinstance(network.num_connections, Tracer):
        count = int(network.num_connections)
        require(weights.shape[0] == count, "weights", f"one number, or {count}: one for each connection", weights.shape)
