"""`wann search` from a checkout: python scripts/search.py TASK [options]."""

import sys

from wann_jax.cli import main

if __name__ == "__main__":
    sys.exit(main(["search", *sys.argv[1:]]))
