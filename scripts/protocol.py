"""`wann protocol` from a checkout: python scripts/protocol.py NETWORK --task TASK [options]."""

import sys

from wann_jax.cli import main

if __name__ == "__main__":
    sys.exit(main(["protocol", *sys.argv[1:]]))
