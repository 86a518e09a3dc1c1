"""Room for libraries that mix types and ranks, where a user has set JAX to refuse that."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import numpy as np

LARGEST = float(np.finfo(np.float32).max)  # number of 32 bits, in which everything is computed


@contextmanager
def loose_types() -> Iterator[None]:
    """optax and evosax mix types and ranks, which a user's strict settings of JAX would refuse."""
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield
