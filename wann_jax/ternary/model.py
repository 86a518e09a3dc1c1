"""A layered classifier with weights of -1, 0 and 1, trained straight through.

In: latent real weights, one matrix [from, to] for each layer, the first with a row for the bias. Out: the ternary
weights that they stand for, outputs, and how many connections the network has once it is embedded (embedding.py).
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

Matrices = Sequence[Any]  # of arrays, NumPy's too
PRICE_STEPS = 20  # halvings of the interval that a price lies in


@jax.custom_jvp
def ternary(latent: Float[Array, "n m"], price: Float[Array, ""]) -> Float[Array, "n m"]:
    """The signs of the weights that are worth their connections at this price, 0 for others.

    A weight of size |v| is worth |v|, and costs its own connection; weights of one source and sign share a relay, whose
    connection they must earn together. So a weight counts if |v| > price, and its relay's weights if what they have
    above the price is more than the price. That is the largest sum of sizes for as many connections.
    Its derivative is taken as that of the identity.
    """
    above = jnp.maximum(jnp.abs(latent) - price, 0.0)
    plus, minus = (jnp.where(side, above, 0.0).sum(1, keepdims=True) > price for side in (latent > 0, latent < 0))
    return jnp.where((above > 0.0) & jnp.where(latent > 0, plus, minus), jnp.sign(latent), 0.0)


@ternary.defjvp
def _ternary_jvp(primals, tangents):
    return ternary(*primals), tangents[0]


def num_connections(weights: Float[Array, "n m"]) -> Float[Array, ""]:
    """Of one layer: weights, and a relay for each source and sign in use."""
    relays = (weights > 0).any(1).sum() + (weights < 0).any(1).sum()
    return (relays + (weights != 0).sum()).astype(jnp.float32)


def price_for(latent: Float[Array, "n m"], budget: Float[Array, ""]) -> Float[Array, ""]:
    """The lowest price, to a millionth of the largest weight, at which a layer keeps to its budget of connections."""
    largest = jnp.abs(latent).max()

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        fits = num_connections(ternary(latent, middle)) <= budget
        return jnp.where(fits, low, middle), jnp.where(fits, middle, high)

    return lax.fori_loop(0, PRICE_STEPS, halve, (0.0 * largest, largest))[1]


def outputs(weights: Matrices, inputs: Float[Array, "B I"], activation: str) -> Float[Array, "B O"]:
    """Outputs of ternary weights; the sums of each layer are scaled by the mean number of their terms."""
    function = jnp.abs if activation == "abs" else jax.nn.relu
    values = jnp.concatenate([inputs, jnp.ones((inputs.shape[0], 1))], axis=1)
    for layer, matrix in enumerate(weights):
        fan_in = jnp.abs(lax.stop_gradient(matrix)).sum() / matrix.shape[1]
        values = values @ matrix / jnp.sqrt(jnp.maximum(fan_in, 1.0))
        values = function(values) if layer < len(weights) - 1 else values
    return values
