"""Draws one episode of a walker to a PNG or GIF file.

python scripts/draw_biped.py NETWORK walk.gif [--weight -1] [--seed 0] [--steps 400]
"""

import argparse
from pathlib import Path

from wann_jax.network_file import load_network
from wann_jax.report.biped import save_gif, save_png, walk


def main() -> None:
    """Walks and draws."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network", type=Path, help="a run directory, a network file, or a name of the zoo")
    parser.add_argument("picture", type=Path, help="ends in .png or .gif")
    parser.add_argument("--weight", type=float, default=-1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()
    states = walk(load_network(options.network, 24, 4), options.weight, options.seed, options.steps)
    save = save_gif if options.picture.suffix == ".gif" else save_png
    save(options.picture, states)


if __name__ == "__main__":
    main()
