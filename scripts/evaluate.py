"""`wann evaluate` from a checkout: python scripts/evaluate.py NETWORK --task TASK [options]."""

import sys

from wann_jax.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
