"""`wann tune` from a checkout: python scripts/tune.py NETWORK --task TASK [options]."""

import sys

from wann_jax.cli import main

if __name__ == "__main__":
    sys.exit(main(["tune", *sys.argv[1:]]))
