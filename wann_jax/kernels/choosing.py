"""The one place that chooses who evaluates networks: the native kernels on a CPU that has them, XLA's code elsewhere.

In: a function of a backend and arrays, such as a whole rollout. Out: its result. The choice is that of the platform
which a program is lowered for, not of the machine that lowers it; sizes of blocks and memory are each backend's own.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from jax import lax

from wann_jax import native as loader
from wann_jax.kernels import native, xla, xla_cpu
from wann_jax.kernels.backend import Backend

XLA = Backend("xla", xla.samples, xla.act, xla.individuals_per_block, xla.STEPS_PER_LOOK)
XLA_CPU = Backend("xla", xla_cpu.samples, xla_cpu.act, xla_cpu.individuals_per_block)
NATIVE = Backend("native", native.samples, native.act, native.individuals_per_block)


def on_each_platform(run: Callable[..., Any], *arguments: Any) -> Any:
    """`run(backend, *arguments)`, with the backend of the platform that the program is lowered for."""
    on_cpu = NATIVE if native.FORWARD.ready() else XLA_CPU
    return lax.platform_dependent(*arguments, cpu=partial(run, on_cpu), default=partial(run, XLA))


def backend_of(platform: str) -> Backend:
    """The backend of programs for a platform ("cpu", "gpu", "tpu") on this machine."""
    if platform != "cpu":
        return XLA
    return NATIVE if loader.available() else XLA_CPU
