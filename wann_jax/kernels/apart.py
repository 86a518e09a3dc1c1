"""What each lane does for itself: many small operations and loops that end when each lane's own work is done.

In: a function of arrays that end with the lanes. Out: its results. On an NVIDIA GPU that takes Pallas' kernels all of
it is one launch, in which a loop goes on for the 32 lanes of a tile alone; elsewhere it is the function as it stands.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from wann_jax.kernels.choosing import backend_of
from wann_jax.kernels.platforms import by_platform


def each_lane(function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)`.

    Args:
        function: of trees of arrays [..., B], to such trees. No lane's result depends on another lane; only the
            ends of loops may wait for all.
        arguments: the trees: float32, int32 and truth values.

    Returns:
        A tree of arrays [..., B].
    """
    return by_platform({"cuda": partial(_on_cuda, function), "default": function}, *arguments)


def _on_cuda(function: Callable[..., Any], *arguments: Any) -> Any:
    return backend_of("cuda").apart(function, *arguments)
