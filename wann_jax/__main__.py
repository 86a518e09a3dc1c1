"""`python -m wann_jax`: the command line `wann`."""

from wann_jax.cli import run

if __name__ == "__main__":
    run()
