"""A driver in both worlds: its returns in our environment and in Gymnasium's.

    python -m benchmarks.car_champion NETWORK [--episodes 100] [--worlds WORLD ...]

Both through the same encoder, a look at every step, episodes of 1,000 steps. Needs the extra `box2d`. Writes
results/carracing_champion_NETWORK.json.
"""

from benchmarks.worlds import compare_worlds

WORLDS = {"ours": "carracing", "gymnasium": "gymnasium:CarRacing-v3"}

if __name__ == "__main__":
    compare_worlds("carracing_champion", __doc__, WORLDS, grid_step=0.1, episodes=16)
