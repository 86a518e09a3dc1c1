"""Evaluating networks: the definition for one network, and the kernels that evaluate whole populations.

In: networks, weights, inputs. Out: outputs. `forward` defines what a network computes, for any weights, and is what
tuning differentiates. The kernels use one weight per lane and must agree with it:

- `forward_samples`: every network sees the same samples; input sums are shared by all weights.
- `forward_lanes`: every lane (weight x episode) of every network has its own inputs.

Both walk a network's rows in order and keep all lanes in the innermost, contiguous axis. They are written for XLA
(xla.py) and natively (native/); choosing.py says which one runs.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import Tracer
from jaxtyping import Float

from wann_jax.errors import require
from wann_jax.kernels.choosing import on_each_platform
from wann_jax.networks.activations import apply_activation
from wann_jax.networks.network import FIRST_INPUT_SLOT, Network
from wann_jax.strictness import in_32_bits


@in_32_bits
def forward(
    network: Network,
    weights: float | Float[Array | np.ndarray, ""] | Float[Array | np.ndarray, "C"],
    inputs: Float[Array | np.ndarray, "*batch I"],
) -> Float[Array, "*batch O"]:
    """Outputs of one network; differentiable in weights and inputs.

    Args:
        network: one compiled network.
        weights: one shared weight, or one for each of `network.num_connections` enabled connections, in the order of
            the file or of the genome's table.
        inputs: [..., I].

    Returns:
        [..., O]. At the step activation the derivative is the logistic function's (straight through).

    Raises:
        ConfigError: if a shape does not fit.
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
        # Some accelerators would round factors to fewer bits.
        return jnp.tensordot(factor(connection), values[source], axes=1, precision=lax.Precision.HIGHEST)

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


@in_32_bits
def forward_samples(
    networks: Network,
    shared_weights: Float[Array | np.ndarray, "W"],
    inputs: Float[Array | np.ndarray, "B I"],
    summarise: Callable[..., Any] = lambda outputs: outputs,
) -> Any:
    """Outputs of every network under every shared weight on the same samples.

    Args:
        networks: a batch [P] (`stack_networks`, or `ask`).
        shared_weights: [W].
        inputs: samples [B, I].
        summarise: made of each network's outputs [W, B, O], so that the outputs of a whole population never exist at
            once. losses.py has summaries that also have a native version.

    Returns:
        Outputs [P, W, B, O], or what `summarise` gives, with a leading P.

    Raises:
        ConfigError: if a shape does not fit.
    """
    shared_weights, inputs = jnp.asarray(shared_weights, jnp.float32), jnp.asarray(inputs, jnp.float32)
    _check_batch(networks, shared_weights)
    num_inputs = networks.spec.num_inputs
    fits = inputs.ndim == 2 and inputs.shape[1] == num_inputs
    require(fits, "inputs", f"an array of samples with the networks' {num_inputs} inputs each", inputs.shape)
    leaves, structure = jax.tree.flatten(summarise)
    is_tree = all(isinstance(leaf, Array | np.ndarray) for leaf in leaves)  # else a function, which stays as it is

    def run(backend, networks, shared_weights, inputs, leaves):
        given = jax.tree.unflatten(structure, leaves) if is_tree else summarise
        return backend.samples(networks, shared_weights, inputs, given)

    return on_each_platform(run, networks, shared_weights, inputs, leaves if is_tree else [])


@in_32_bits
def forward_lanes(
    networks: Network, lane_weights: Float[Array | np.ndarray, "L"], inputs: Float[Array | np.ndarray, "P L I"]
) -> Float[Array, "P L O"]:
    """Outputs of every network in every lane; a lane has its own shared weight and its own inputs.

    Args:
        networks: a batch [P].
        lane_weights: a shared weight for each lane, [L].
        inputs: [P, L, I].

    Returns:
        [P, L, O].

    Raises:
        ConfigError: if a shape does not fit.
    """
    lane_weights, inputs = jnp.asarray(lane_weights, jnp.float32), jnp.asarray(inputs, jnp.float32)
    _check_batch(networks, lane_weights)
    wanted = (networks.num_rows.shape[0], lane_weights.shape[0], networks.spec.num_inputs)
    require(inputs.shape == wanted, "inputs", f"of the shape networks x lanes x inputs, {wanted}", inputs.shape)

    def once(backend, networks, lane_weights, inputs):
        return backend.act(networks, lane_weights, lambda policy: policy.step(policy.memory, inputs)[1])

    return on_each_platform(once, networks, lane_weights, inputs)


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
