"""Sine and cosine together, to float32 rounding for angles of up to a thousand radians: XLA's are slow on CPUs."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

# Half of pi in three parts, of which the first two have few bits: their multiples are exact.
_HALF_PI = (1.5703125, 4.8351288e-4, 3.1391647e-7)
_SINE = (-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4)
_COSINE = (4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5)


def sine_cosine(angle: Float[Array, "*B"]) -> tuple[Float[Array, "*B"], Float[Array, "*B"]]:
    """Of an angle in rad."""
    quarter = jnp.round(angle * (2.0 / 3.14159265358979))
    rest = angle
    for part in _HALF_PI:
        rest = rest - quarter * part
    square = rest * rest
    sine = rest + rest * square * (_SINE[0] + square * (_SINE[1] + square * _SINE[2]))
    cosine = 1.0 - 0.5 * square + square * square * (_COSINE[0] + square * (_COSINE[1] + square * _COSINE[2]))
    number = quarter.astype(jnp.int32)
    swaps = (number & 1) == 1
    sine, cosine = jnp.where(swaps, cosine, sine), jnp.where(swaps, sine, cosine)
    sine = jnp.where((number & 2) == 2, -sine, sine)
    return sine, jnp.where(((number + 1) & 2) == 2, -cosine, cosine)


def turned(sine: Array, cosine: Array, by: Array) -> tuple[Array, Array]:
    """Sine and cosine of an angle that grows by less than a twentieth of a radian."""
    small_cosine, small_sine = 1.0 - 0.5 * by * by, by - by * by * by / 6.0
    return sine * small_cosine + cosine * small_sine, cosine * small_cosine - sine * small_sine
