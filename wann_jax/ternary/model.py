"""A layered classifier with weights of -1, 0 and 1, trained straight through.

In: latent real weights, one matrix [from, to] for each layer, the first with a row for the bias. Out: the ternary
weights that they stand for, outputs, and how many connections the network has once it is embedded (embedding.py).
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int

Matrices = Sequence[Array]


@jax.custom_jvp
def ternary(latent: Float[Array, "n m"], least: Float[Array, ""]) -> Float[Array, "n m"]:
    """The sign of each weight of at least this size, 0 for others. Its derivative is taken as that of the identity."""
    return jnp.where(jnp.abs(latent) >= least, jnp.sign(latent), 0.0)


@ternary.defjvp
def _ternary_jvp(primals, tangents):
    return ternary(*primals), tangents[0]


def least_sizes(latent: Matrices, counts: Int[Array, "layers"]) -> Float[Array, "layers"]:
    """For each layer, the size of its `counts`-th largest weight."""
    sizes = []
    for layer, matrix in enumerate(latent):
        ordered = jnp.sort(jnp.abs(matrix).ravel())
        sizes.append(ordered[jnp.clip(ordered.shape[0] - counts[layer], 0, ordered.shape[0] - 1)])
    return jnp.stack(sizes)


def outputs(weights: Matrices, inputs: Float[Array, "B I"], activation: str) -> Float[Array, "B O"]:
    """Outputs of ternary weights; the sums of each layer are scaled by the mean number of their terms."""
    function = jnp.abs if activation == "abs" else jax.nn.relu
    values = jnp.concatenate([inputs, jnp.ones((inputs.shape[0], 1))], axis=1)
    for layer, matrix in enumerate(weights):
        fan_in = jnp.abs(lax.stop_gradient(matrix)).sum() / matrix.shape[1]
        values = values @ matrix / jnp.sqrt(jnp.maximum(fan_in, 1.0))
        values = function(values) if layer < len(weights) - 1 else values
    return values


def num_relays(weights: Matrices) -> Float[Array, ""]:
    """One for each source and sign in use."""
    used = [(matrix > 0).any(1).sum() + (matrix < 0).any(1).sum() for matrix in weights]
    return jnp.stack(used).sum().astype(jnp.float32)
