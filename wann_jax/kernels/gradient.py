"""One network with weights of its own, as `forward` defines it, with a gradient that is cheap for whole populations.

In: a compiled network, weights [C], samples. Out: outputs. JAX's gradient of `forward` keeps the table of all values as
each row found it; rows only ever add to it, so the last one is enough: backwards, each row is computed again from it.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int

from wann_jax.networks.activations import apply_activation
from wann_jax.networks.network import FIRST_INPUT_SLOT, Network


def forward_with_gradient(
    network: Network, weights: Float[Array, "C"], inputs: Float[Array, "B I"], num_rows: Int[Array, ""]
) -> Float[Array, "B O"]:
    """Outputs of one network; its gradient (reverse mode, once) is taken row by row.

    Args:
        network: one compiled network (vmap over networks).
        weights: one for each place of the connections' table, `network.spec.max_connections`.
        inputs: samples.
        num_rows: at least the network's; where many are evaluated side by side, the largest of theirs.

    Returns:
        What `forward` gives, and derivatives to the weights like its.
    """
    spec = network.spec
    values = jnp.zeros((spec.num_slots, inputs.shape[0])).at[1].set(1.0)
    values = values.at[FIRST_INPUT_SLOT : spec.first_sum_slot].set(inputs.T)
    if spec.max_input_sums:
        sums = jax.vmap(_weighted_sum, (None, None, 0, 0))(weights, values, network.sum_source, network.sum_connection)
        values = values.at[spec.first_sum_slot : spec.first_row_slot].set(sums)
    tables = (network.row_source, network.row_connection, network.row_activation)
    return _all_rows(values, weights, tables, num_rows)[network.output_slot].T


def _weighted_sum(weights: Array, values: Array, source: Array, connection: Array) -> Array:
    return jnp.tensordot(_factor(weights, connection), values[source], axes=1, precision=lax.Precision.HIGHEST)


def _factor(weights: Array, connection: Array) -> Array:
    """Weights of list entries; entries that no connection carries have factor 1."""
    return weights.at[connection].get(mode="fill", fill_value=1.0)


@jax.custom_vjp
def _all_rows(
    values: Float[Array, "S B"], weights: Float[Array, "C"], tables: Any, num_rows: Int[Array, ""]
) -> Float[Array, "S B"]:
    """All values, from those of constants, inputs and their sums."""

    def add(row, values):
        slot, source, connection, activation = _row(values, tables, row)
        return values.at[slot].set(apply_activation(activation, _weighted_sum(weights, values, source, connection)))

    return lax.fori_loop(0, num_rows, add, values)


def _row(values: Array, tables: Any, row: Array) -> tuple[Array, Array, Array, Array]:
    """The slot that a row fills, and what it fills it with."""
    return values.shape[0] - tables[0].shape[0] + row, *(table[row] for table in tables)


def _forwards(values: Array, weights: Array, tables: Any, num_rows: Array) -> tuple[Array, Any]:
    values = _all_rows(values, weights, tables, num_rows)
    return values, (values, weights, tables, num_rows)


def _backwards(kept: Any, slopes: Float[Array, "S B"]) -> tuple[Array, Array, None, None]:
    """Derivatives to the values given and to the weights, from those to all values."""
    values, weights, tables, num_rows = kept

    def take(turn, carry):
        slopes, to_weights = carry
        slot, source, connection, activation = _row(values, tables, num_rows - 1 - turn)
        total = _weighted_sum(weights, values, source, connection)
        (slope,) = jax.vjp(lambda total: apply_activation(activation, total), total)[1](slopes[slot])
        slopes = slopes.at[slot].set(0.0).at[source].add(_factor(weights, connection)[:, None] * slope[None])
        return slopes, to_weights.at[connection].add((values[source] * slope[None]).sum(-1), mode="drop")

    return *lax.fori_loop(0, num_rows, take, (slopes, jnp.zeros_like(weights))), None, None


_all_rows.defvjp(_forwards, _backwards)
