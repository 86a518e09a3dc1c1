"""A driver in both worlds: its return at every shared weight, in our environment and in Gymnasium's.

    python -m benchmarks.car_champion NETWORK [--episodes 20]

Both through the same encoder, a look at every step, episodes of 1,000 steps. Needs the extra `box2d`. Writes
results/carracing_champion.json.
"""

from benchmarks.worlds import compare_worlds

WORLDS = {"ours": "carracing", "gymnasium": "gymnasium:CarRacing-v3"}

if __name__ == "__main__":
    compare_worlds("carracing_champion", __doc__, 20, WORLDS, grid_step=0.1, episodes=4)
