"""32 bits inside, and room for libraries that mix types and ranks, whatever a user has set JAX to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import jax
import numpy as np

LARGEST = float(np.finfo(np.float32).max)  # number of 32 bits, in which everything is computed


@contextmanager
def loose_types() -> Iterator[None]:
    """optax and evosax mix types and ranks, which a user's strict settings of JAX would refuse."""
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def in_32_bits(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The same function; in it, arrays have 32 bits even where a user has set JAX to 64."""

    @wraps(function)
    def inside(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with _enable_x64(False):
            return function(*args, **kwargs)

    return inside


# Older versions of JAX have it elsewhere.
_enable_x64 = vars(jax if hasattr(jax, "enable_x64") else jax.experimental)["enable_x64"]
