"""Environments of Gymnasium that work, or fail in one way each; importing this registers them."""

import gymnasium
import numpy as np
from gymnasium import spaces


class Sound(gymnasium.Env):
    observation_space = spaces.Box(-1, 1, (3,), np.float32)
    action_space = spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, seed=None, options=None):
        return np.zeros(3, np.float32), {}

    def step(self, action):
        return np.ones(3, np.float32), float(action[0]), False, False, {}


class Breaking(Sound):
    def step(self, action):
        raise ValueError("the motor\nis broken")


class Unmakeable(Sound):
    def __init__(self):
        raise ValueError("no track")


class Whole(Sound):
    action_space = spaces.Box(0, 5, (2,), np.int64)


class Wide(Sound):
    def reset(self, seed=None, options=None):
        return np.zeros(4, np.float32), {}


class Elsewhere(Sound):
    """Not registered by its module's import, so that workers do not know it."""


for kind in (Sound, Breaking, Unmakeable, Whole, Wide):
    gymnasium.register(f"{kind.__name__}-v0", kind, max_episode_steps=20, disable_env_checker=True)
