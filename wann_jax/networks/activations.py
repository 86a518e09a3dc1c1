"""The ten activation functions, by id, as the original numbers them.

In: pre-activations of any shape and activation ids. Out: the activated values.
Two ways to apply them: `apply_activations` picks element by element (ids differ inside one array, every
function is evaluated once), `apply_activation` branches on one scalar id (only that function runs).

sin(pi x) has its own short polynomial: the range reduction is exact, and XLA's general sine is ten times slower
on CPU. All ten functions need only three transcendental evaluations: sine, exponential and tanh.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int

from wann_jax.genomes.activation_ids import ABS, COS, GAUSSIAN, INVERSE, RELU, SIGMOID, SIN, STEP, TANH

# Odd minimax polynomial for sin(pi r) on |r| <= 1/2 (own fit; largest relative error 5e-9).
_SINE_COEFFICIENTS = (3.1415926369, -5.1677096844, 2.5500697211, -0.598242099, 0.0775603392)


def sin_pi(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """sin(pi x) to float32 rounding, for any finite x."""
    turn = x - 2.0 * jnp.round(0.5 * x)  # exact, in [-1, 1]
    folded = jnp.where(jnp.abs(turn) > 0.5, jnp.sign(turn) - turn, turn)
    square = folded * folded
    poly = jnp.full_like(x, _SINE_COEFFICIENTS[-1])
    for coefficient in _SINE_COEFFICIENTS[-2::-1]:
        poly = poly * square + coefficient
    return folded * poly


@jax.custom_jvp
def step(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """1 where x > 0, else 0. Its derivative is taken as the logistic function's (a straight-through estimate)."""
    return (x > 0).astype(x.dtype)


@step.defjvp
def _step_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    logistic = sigmoid(x)
    return step(x), logistic * (1.0 - logistic) * dx


def sigmoid(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The logistic function, by way of tanh."""
    return 0.5 * jnp.tanh(0.5 * x) + 0.5


def gaussian(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """exp(-x^2 / 2)."""
    return jnp.exp(-0.5 * x * x)


FUNCTIONS: tuple[Callable[[Array], Array], ...] = (
    lambda x: x,
    lambda x: x,
    step,
    sin_pi,
    gaussian,
    jnp.tanh,
    sigmoid,
    lambda x: -x,
    jnp.abs,
    lambda x: jnp.maximum(x, 0.0),
    lambda x: sin_pi(x + 0.5),
)


def apply_activation(activation: Int[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Applies one function, chosen by a scalar id, to the whole of x; differentiable."""
    return lax.switch(activation, FUNCTIONS, x)


def apply_activations(activations: Int[Array, "..."], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Applies to each element of x the function that `activations` (broadcast against x) names."""

    def among(*ids):
        mask = activations == ids[0]
        for other in ids[1:]:
            mask = mask | (activations == other)
        return mask

    sine = sin_pi(jnp.where(among(COS), x + 0.5, x))
    tanh = jnp.tanh(jnp.where(among(SIGMOID), 0.5 * x, x))
    result = x
    for mask, value in (
        (among(STEP), step(x)),
        (among(SIN, COS), sine),
        (among(GAUSSIAN), gaussian(x)),
        (among(TANH), tanh),
        (among(SIGMOID), 0.5 * tanh + 0.5),
        (among(INVERSE), -x),
        (among(ABS), jnp.abs(x)),
        (among(RELU), jnp.maximum(x, 0.0)),
    ):
        result = jnp.where(mask, value, result)
    return result
