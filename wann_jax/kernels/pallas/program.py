"""What the Pallas kernels read of networks: for each row where its values come from, and where its own goes.

In: networks. Out: tables. A value is needed until its last reader has read it; then another row's takes its place. So
few values are kept at a time, and those stay in a GPU's last cache.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Int

from wann_jax.networks.network import Network


class Program(NamedTuple):
    """Networks, row by row."""

    sources: Int[Array, "P M K"]  # 0: nothing; n > 0: place n - 1; -n < 0: slot n, an input or an input sum
    places: Int[Array, "P M"]
    activations: Int[Array, "P M"]
    outputs: Int[Array, "P O"]  # places
    sum_sources: Int[Array, "P Q K"]  # slots
    num_rows: Int[Array, "P"]


def program_of(networks: Network) -> Program:
    """With as few places as the number of values that are needed at the same time."""
    spec, size = networks.spec, networks.num_rows.shape[0]
    row, individual = jnp.arange(spec.max_rows)[None], jnp.arange(size)[:, None]
    never, source = spec.max_rows, networks.row_source
    last_reader = jnp.broadcast_to(row, (size, spec.max_rows))  # a value that nobody reads is only written
    read = jnp.where(source >= spec.first_row_slot, source - spec.first_row_slot, spec.max_rows)
    readers = jnp.broadcast_to(row[..., None], read.shape)
    last_reader = last_reader.at[individual[..., None], read].max(readers, mode="drop")
    outputs = networks.output_slot - spec.first_row_slot
    last_reader = last_reader.at[individual, outputs].set(never)
    last_reader = jnp.where(row < networks.num_rows[:, None], last_reader, row)  # padding
    places = _places(last_reader)
    place_read = jnp.take_along_axis(places, jnp.minimum(read, spec.max_rows - 1).reshape(size, -1), 1)
    return Program(
        sources=jnp.where(read < spec.max_rows, 1 + place_read.reshape(read.shape), -source),
        places=places,
        activations=networks.row_activation,
        outputs=jnp.take_along_axis(places, outputs, 1),
        sum_sources=networks.sum_source if spec.max_input_sums else jnp.zeros((size, 1, spec.row_width), jnp.int32),
        num_rows=networks.num_rows,
    )


def _places(last_reader: Int[Array, "P M"]) -> Int[Array, "P M"]:
    """Of each row's value; `last_reader` is the row after whose reading it is not needed any more, itself at least.

    With room for n values the first n rows take a new place each, and row n + k that of the k-th value which is no
    longer needed: n is the largest number that are needed at a time, so this one is free by then.
    """
    size, max_rows = last_reader.shape
    row, individual = jnp.arange(max_rows)[None], jnp.arange(size)[:, None]
    ends = jnp.zeros((size, max_rows), jnp.int32).at[individual, last_reader].add(1, mode="drop")
    freed = jnp.cumsum(ends, axis=1) - (last_reader == row).astype(jnp.int32)
    room = (row - freed + 1).max(1, keepdims=True)
    in_order = lax.sort(last_reader * max_rows + row, dimension=1, is_stable=False) % max_rows
    before = jnp.take_along_axis(in_order, jnp.maximum(row - room, 0), 1)
    place = jnp.where(row < room, row, before)
    for _ in range((max_rows - 1).bit_length()):  # to the row that took the place first
        place = jnp.take_along_axis(place, place, 1)
    return place
