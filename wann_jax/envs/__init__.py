"""Gymnax environments of our own, registered with gymnax by name."""

import gymnax

from wann_jax.envs.bipedal_walker import BipedalWalker
from wann_jax.envs.car_racing.environment import CarRacing
from wann_jax.envs.cartpole_swingup import CartPoleSwingUp

BIPEDAL_WALKER = "BipedalWalker-v3"
CAR_RACING = "CarRacing-v3"
CARTPOLE_SWINGUP = "CartPoleSwingUp-v0"

if CAR_RACING not in gymnax.registered_envs:
    gymnax.register(CAR_RACING, CarRacing)
if CARTPOLE_SWINGUP not in gymnax.registered_envs:
    gymnax.register(CARTPOLE_SWINGUP, CartPoleSwingUp)
if BIPEDAL_WALKER not in gymnax.registered_envs:
    gymnax.register(BIPEDAL_WALKER, BipedalWalker)

REGISTERED = gymnax.registered_envs  # gymnax's own and ours
