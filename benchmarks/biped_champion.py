"""A walker in both worlds: its returns in our environment and in Gymnasium's.

    python -m benchmarks.biped_champion NETWORK [--episodes 100] [--worlds WORLD ...]

Falls cost nothing more, as in the paper's search; Gymnasium's returns with its -100 stand beside them. Needs the extra
`box2d`. Writes results/biped_champion_NETWORK.json.
"""

from benchmarks.worlds import compare_worlds

WORLDS = {
    "ours": "biped",
    "gymnasium": "gymnasium:benchmarks.walker_without_penalty:WalkerWithoutPenalty-v3",
    "gymnasium_with_penalty": "gymnasium:BipedalWalker-v3",
}

if __name__ == "__main__":
    compare_worlds("biped_champion", __doc__, WORLDS)
