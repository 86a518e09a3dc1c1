"""Draws one drive of a network to a PNG or GIF file: the track from above, and what the encoder sees.

python scripts/draw_car.py NETWORK drive.gif [--weight -1] [--seed 0] [--steps 600] [--encoder NAME]
"""

import argparse
from pathlib import Path

from wann_jax.forward import forward
from wann_jax.network_file import load_network, task_options_of
from wann_jax.report.car import save_gif, save_png, travel
from wann_jax.vae.files import DEFAULT_NAME, load_encoder
from wann_jax.vae.model import encode


def main() -> None:
    """Drives and draws."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network", type=Path, help="a run directory, a network file, or a name of the zoo")
    parser.add_argument("picture", type=Path, help="ends in .png or .gif")
    parser.add_argument("--weight", type=float, default=-1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--encoder", help="default: the one that the network evolved with, else the package's")
    options = parser.parse_args()
    known = task_options_of(options.network, "carracing").get("encoder", DEFAULT_NAME)
    encoder = load_encoder(options.encoder or known)
    network = load_network(options.network, encoder["mean"]["bias"].shape[-1], 3)

    def policy(memory, picture):
        return memory, forward(network, options.weight, encode(encoder, picture[None]))[0]

    journey = travel(policy, None, options.seed, options.steps)
    save = save_gif if options.picture.suffix == ".gif" else save_png
    save(options.picture, journey)


if __name__ == "__main__":
    main()
