"""Gymnax environments of our own, registered with gymnax by name."""

import gymnax

from wann_jax.envs.cartpole_swingup import CartPoleSwingUp

CARTPOLE_SWINGUP = "CartPoleSwingUp-v0"

if CARTPOLE_SWINGUP not in gymnax.registered_envs:
    gymnax.register(CARTPOLE_SWINGUP, CartPoleSwingUp)
