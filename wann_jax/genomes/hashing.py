"""Random-looking bits from numbers that do not change, such as a node's historical mark.

In: integers. Out: 32 mixed bits, the same here and in kernels/native/hashing.h.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Int, UInt32


def mix(value: Int[Array, "*shape"] | UInt32[Array, "*shape"]) -> UInt32[Array, "*shape"]:
    """The finaliser of MurmurHash3 (Appleby 2011): every bit of the result depends on every bit of the value."""
    bits = value.astype(jnp.uint32)
    bits = (bits ^ (bits >> 16)) * jnp.uint32(0x85EBCA6B)
    bits = (bits ^ (bits >> 13)) * jnp.uint32(0xC2B2AE35)
    return bits ^ (bits >> 16)
