"""The one place that chooses who evaluates networks: the native kernels on a CPU that has them, XLA's code elsewhere.

In: a function of a backend and arrays, such as a whole rollout. Out: its result. The choice is that of the platform
which a program is lowered for, not of the machine that lowers it; sizes of blocks and memory are each backend's own.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from jax import lax

from wann_jax import native as loader
from wann_jax.kernels import native, xla
from wann_jax.kernels.xla import Policy
from wann_jax.networks.network import Network


class Backend(NamedTuple):
    """A way to evaluate networks; the modules xla and native say what its functions do."""

    name: str
    samples: Callable[..., Any]
    policy: Callable[..., Policy]
    individuals_per_block: Callable[[Network, int], int]


XLA = Backend("xla", xla.samples, xla.policy, xla.individuals_per_block)
NATIVE = Backend("native", native.samples, native.policy, native.individuals_per_block)


def on_each_platform(run: Callable[..., Any], *arguments: Any) -> Any:
    """`run(backend, *arguments)`, with the backend of the platform that the program is lowered for."""
    if not native.FORWARD.ready():
        return run(XLA, *arguments)
    return lax.platform_dependent(*arguments, cpu=partial(run, NATIVE), default=partial(run, XLA))


def backend_of(platform: str) -> Backend:
    """The backend of programs for a platform ("cpu", "gpu", "tpu") on this machine."""
    return NATIVE if platform == "cpu" and loader.available() else XLA
