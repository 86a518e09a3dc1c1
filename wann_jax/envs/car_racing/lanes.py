"""Functions of many lanes over a table: native on a CPU, XLA's elsewhere, and the same however they are batched.

In: two ways to compute a function of a table [K, ...], an index [*B] into it, and a tree of lanes. Out: one function
that chooses, and for which `vmap` only adds an axis of lanes. A table that is batched, too, becomes one longer table.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import custom_vmap

from wann_jax.native import Library


def by_table(by_xla: Callable, natively: Callable, library: Library, lanes_last: bool) -> Callable:
    """`natively` calls the library. `lanes_last`: where arrays of lanes have further axes, those of the lanes are the
    last instead of the first."""

    @custom_vmap
    def run(table, index, lanes):
        if library.ready():
            return lax.platform_dependent(table, index, lanes, cpu=natively, default=by_xla)
        return by_xla(table, index, lanes)

    @run.def_vmap
    def _(size: int, is_batched: Any, table: Any, index: Any, lanes: Any):
        table_is_batched, index_is_batched, lanes_are_batched = is_batched
        num_axes = index.ndim - bool(index_is_batched)  # of the lanes so far

        def spread(leaf, batched):
            return leaf if batched else jnp.broadcast_to(leaf, (size, *leaf.shape))

        def move(leaf, source, target):
            return jnp.moveaxis(leaf, source, target) if lanes_last else leaf

        index = spread(index, index_is_batched)
        if any(jax.tree.leaves(table_is_batched)):
            table = jax.tree.map(spread, table, table_is_batched)
            rows = jax.tree.leaves(table)[0].shape[1]
            table = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), table)
            index = index + rows * jnp.arange(size, dtype=jnp.int32).reshape(size, *[1] * num_axes)
        lanes = jax.tree.map(spread, lanes, lanes_are_batched)
        lanes = jax.tree.map(lambda leaf: move(leaf, 0, leaf.ndim - 1 - num_axes), lanes)
        result = run(table, index, lanes)
        result = jax.tree.map(lambda leaf: move(leaf, leaf.ndim - 1 - num_axes, 0), result)
        return result, jax.tree.map(lambda leaf: True, result)

    return run
