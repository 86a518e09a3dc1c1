"""The kernels as XLA compiles them for accelerators: all networks take each step at the same time.

In: networks, weights, inputs. Out: outputs. forward.py defines what they compute. A GPU loses 3 microseconds at every
kernel that starts, and ten at every look at its data: so one operation serves the whole population, and loops have
lengths that XLA knows, one of a few for the largest network. Only memory divides a population.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int

from wann_jax.devices import over_blocks
from wann_jax.genomes.activation_ids import SUM
from wann_jax.genomes.genome import prefix_mask
from wann_jax.kernels.backend import Policy
from wann_jax.kernels.memory import individuals_within
from wann_jax.networks.activations import apply_activations
from wann_jax.networks.network import Network

# What the largest network of a population may fill of the tables: each is a program of its own.
SHARES_OF_TABLES = (1 / 8, 3 / 16, 1 / 4, 5 / 16, 1 / 2, 1.0)
LEVELS = (12, 24)  # nodes on its longest path
STEPS_PER_LOOK = 16
COPIES = 4  # of all values, while they go through a level
UNROLLED_ROWS = 2  # their small operations then share kernels
Result = TypeVar("Result")


def samples(
    networks: Network,
    shared_weights: Float[Array, "W"],
    inputs: Float[Array, "B I"],
    summarise: Callable[..., Any],
) -> Any:
    """All networks take the same row at the same time, and evaluate every activation."""
    per_row = 4 * inputs.shape[0] * (shared_weights.shape[0] + 1)

    def sized(num_rows, num_sums):
        def some(networks):
            return _all_rows(networks, shared_weights, inputs, summarise, num_rows, num_sums)

        per_individual = per_row * num_rows + 4 * inputs.shape[0] * num_sums
        return over_blocks(some, networks, individuals_within(per_individual))

    return _at_size((networks.num_rows, networks.num_sums), sample_sizes(networks), sized)


def sample_sizes(networks: Network) -> list[tuple[int, int]]:
    """Numbers of rows and of input sums that `samples` has programs for."""
    spec = networks.spec
    return sorted({(_share(spec.max_rows, part), _share(spec.max_input_sums, part)) for part in SHARES_OF_TABLES})


def _all_rows(
    networks: Network,
    shared_weights: Float[Array, "W"],
    inputs: Float[Array, "B I"],
    summarise: Callable[..., Any],
    num_rows: int,
    num_sums: int,
) -> Any:
    spec, size = networks.spec, networks.num_rows.shape[0]
    given = _without_weights(networks, inputs, num_rows, num_sums)
    individual, weights = jnp.arange(size), shared_weights[None, :, None]
    source, activation = networks.row_source[:, :num_rows], networks.row_activation[:, :num_rows, None, None]
    # Place 0 holds zeros; all who look there look at those of the first network, which a cache holds.
    is_row = source >= spec.first_row_slot
    place = jnp.where(is_row, source - spec.first_row_slot + 1, 0)
    whose = jnp.where(is_row, individual[:, None, None], 0)

    def add_row(row, values):
        def of_row(table, axis=1):
            return lax.dynamic_index_in_dim(table, row, axis, keepdims=False)

        total = of_row(given, 0)[:, None]
        for column in range(spec.row_width):
            at = of_row(place[..., column]), of_row(whose[..., column])
            total = total + values.at[at].get(mode="promise_in_bounds", wrap_negative_indices=False)
        value = _activated(of_row(activation), weights, total)
        return lax.dynamic_update_index_in_dim(values, value, row + 1, 0)

    values = jnp.zeros((num_rows + 1, size, shared_weights.shape[0], inputs.shape[0]))
    values = jax.named_scope("rows")(lax.fori_loop)(0, num_rows, add_row, values, unroll=UNROLLED_ROWS)
    outputs = values[networks.output_slot - spec.first_row_slot + 1, individual[:, None]]
    return jax.vmap(summarise)(outputs.transpose(0, 2, 3, 1))


def _without_weights(
    networks: Network, inputs: Float[Array, "B I"], num_rows: int, num_sums: int
) -> Float[Array, "M P B"]:
    """What each row adds up of bias, inputs and their sums: the same for all weights, so taken once."""
    spec = networks.spec
    constants = jnp.concatenate([jnp.zeros((1, inputs.shape[0])), jnp.ones((1, inputs.shape[0])), inputs.T])

    def total(slots):
        return sum(constants[slots[..., column]] for column in range(spec.row_width))

    source = networks.row_source[:, :num_rows].swapaxes(0, 1)  # [M, P, K]
    given = total(jnp.where(source < spec.first_sum_slot, source, 0))
    if not num_sums:
        return given
    sums = total(networks.sum_source[:, :num_sums].swapaxes(0, 1))  # [Q, P, B]
    individual = jnp.arange(source.shape[1])[None]
    for column in range(spec.row_width):
        slot = source[..., column]
        is_sum = (slot >= spec.first_sum_slot) & (slot < spec.first_row_slot)
        value = sums[jnp.where(is_sum, slot - spec.first_sum_slot, 0), jnp.where(is_sum, individual, 0)]
        given = given + jnp.where(is_sum[..., None], value, 0.0)
    return given


def act(networks: Network, lane_weights: Float[Array, "L"], use: Callable[[Policy], Result]) -> Result:
    """All nodes of all networks at once, as often as the longest path has nodes: the last has then read what it needs.

    Networks are dense here: a product of matrices is one operation, on every accelerator.
    """
    spec, (adjacency, activation, output) = networks.spec, _dense(networks)
    first_node, most, weights = spec.first_sum_slot, activation.shape[1], lane_weights[None, None]

    def policy(num_nodes, num_levels):
        from_given = adjacency[:, :num_nodes, :first_node]
        from_nodes = adjacency[:, :num_nodes, first_node : first_node + num_nodes]
        kind = activation[:, :num_nodes, None]

        def step(nothing, inputs):
            constants = jnp.broadcast_to(jnp.arange(2.0), (*inputs.shape[:2], 2))
            given = _product(from_given, jnp.concatenate([constants, inputs], axis=-1).swapaxes(1, 2))

            def add_level(_, total):
                return given + _product(from_nodes, _activated(kind, weights, total))

            total = jax.named_scope("levels")(lax.fori_loop)(1, num_levels, add_level, given, unroll=LEVELS[-1])
            values = _activated(kind, weights, total)
            return nothing, jnp.take_along_axis(values, output[..., None], 1).swapaxes(1, 2)

        return use(Policy((), step))

    half = spec.max_input_sums + _share(spec.max_rows, 1 / 2)  # rows that only begin another take the rest
    sizes = [(half, levels) for levels in LEVELS if levels < half] + [(most, most)]
    num_nodes = jnp.where(activation != SUM, jnp.arange(1, most + 1)[None], 0).max()
    longest = _longest_path(adjacency[..., first_node:])
    return _at_size((num_nodes, longest), sizes, policy)


def _activated(
    activation: Int[Array, "P #W #L"], weights: Float[Array, "#P #W #L"], total: Float[Array, "P W L"]
) -> Float[Array, "P W L"]:
    return jnp.where(activation == SUM, total, apply_activations(activation, weights * total))


def _product(left: Float[Array, "P N S"], right: Float[Array, "P S L"]) -> Float[Array, "P N L"]:
    return jnp.matmul(left, right, precision=lax.Precision.HIGHEST)


def _dense(networks: Network) -> tuple[Float[Array, "P N S"], Int[Array, "P N"], Int[Array, "P O"]]:
    """How often each node reads each slot, the nodes' activations, and which nodes are outputs.

    Nodes are input sums, and rows but for those that only begin the next: what they read, the node reads that they
    belong to. Slots are what is given, and nodes.
    """
    spec, size = networks.spec, networks.num_rows.shape[0]
    most, individual = spec.max_input_sums + spec.max_rows, jnp.arange(size)[:, None]
    is_node = (networks.row_activation != SUM) & prefix_mask(networks.num_rows, spec.max_rows)
    counts = is_node.astype(jnp.int32)
    node = spec.max_input_sums + jnp.cumsum(counts, axis=1) - counts  # of each row
    itself = jnp.broadcast_to(jnp.arange(spec.first_row_slot), (size, spec.first_row_slot))
    slots = jnp.concatenate([itself, jnp.where(is_node, spec.first_sum_slot + node, 0)], axis=1)

    readers = jnp.concatenate([itself[:, spec.first_sum_slot :] - spec.first_sum_slot, node], axis=1)
    sources = jnp.concatenate([networks.sum_source, networks.row_source], axis=1)
    read = jnp.take_along_axis(slots, sources.reshape(size, -1), 1).reshape(sources.shape)
    adjacency = jnp.zeros((size, most, spec.first_sum_slot + most))
    adjacency = adjacency.at[individual[..., None], readers[..., None], read].add(1.0, mode="drop")
    activation = jnp.full((size, most), SUM)
    activation = activation.at[individual, jnp.where(is_node, node, most)].set(networks.row_activation, mode="drop")
    return adjacency, activation, slots[individual, networks.output_slot] - spec.first_sum_slot


def _longest_path(adjacency: Float[Array, "P N N"]) -> Int[Array, ""]:
    """Nodes on the longest path of any network, at least: the least of LEVELS that it does not exceed; N beyond them.

    No path has k nodes where the k-th power is zero.
    """
    powers = {1: (adjacency > 0).astype(jnp.bfloat16)}

    def power(exponent):
        if exponent not in powers:
            first = 1 << (exponent.bit_length() - 1)
            first = first if first < exponent else exponent // 2
            powers[exponent] = (jnp.matmul(power(first), power(exponent - first)) > 0).astype(jnp.bfloat16)
        return powers[exponent]

    longest = jnp.int32(adjacency.shape[-1])
    for levels in reversed(LEVELS):
        longest = jnp.where((power(levels) > 0).any(), longest, levels)
    return longest


def individuals_per_block(networks: Network, num_lanes: int) -> int:
    """How many individuals a loop over time steps should take at once: all that memory holds."""
    slots = networks.spec.num_slots
    return individuals_within(4 * slots * (slots + COPIES * num_lanes))


def _share(most: int, share: float) -> int:
    return math.ceil(most * share)


def _at_size(
    found: tuple[Int[Array, "..."], ...], sizes: Sequence[tuple[int, ...]], run: Callable[..., Result]
) -> Result:
    """`run` with the first of these sizes that the largest network does not exceed in anything. The last fits all."""
    fits = [jnp.stack([most.max() <= size for most, size in zip(found, each, strict=True)]).all() for each in sizes]
    return jax.named_scope("at_size")(lax.switch)(jnp.stack(fits).argmax(), [partial(run, *each) for each in sizes])
