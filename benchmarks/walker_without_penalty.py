"""Gymnasium's own BipedalWalker-v3 without the -100 of a fall, as the paper's search has it.

For the task `gymnasium:benchmarks.walker_without_penalty:WalkerWithoutPenalty-v3`, with the checkout on PYTHONPATH.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.box2d.bipedal_walker import MOTORS_TORQUE, BipedalWalker

COST_OF_TORQUE = 0.00035 * MOTORS_TORQUE  # reward for each joint's full torque in one step


class WalkerWithoutPenalty(BipedalWalker):
    """The step of a fall is rewarded as any other."""

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """The original's step."""
        before = self.prev_shaping or 0.0  # none in the step of the reset
        observation, reward, terminated, truncated, info = super().step(action)
        if reward == -100:
            reward = (self.prev_shaping or 0.0) - before - COST_OF_TORQUE * np.clip(np.abs(action), 0, 1).sum()
        return observation, float(reward), terminated, truncated, info


gymnasium.register("WalkerWithoutPenalty-v3", entry_point=f"{__name__}:WalkerWithoutPenalty", max_episode_steps=1600)
