"""`wann train-vae` from a checkout: python scripts/train_vae.py [options]."""

import sys

from wann_jax.cli import main

if __name__ == "__main__":
    sys.exit(main(["train-vae", *sys.argv[1:]]))
