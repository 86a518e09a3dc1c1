"""The one place that chooses who evaluates networks.

In: a function of a backend and arrays, such as a whole rollout. Out: its result. The choice is that of the platform
which a program is lowered for, not of the machine that lowers it: on a CPU the native kernels where there is a compiler,
on NVIDIA's GPUs from Ampere on those in Pallas, elsewhere XLA's code. $WANN_KERNELS (native, pallas, xla) insists on one.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
from jax import lax

from wann_jax import native as loader
from wann_jax.errors import require
from wann_jax.kernels import native, pallas, xla, xla_cpu
from wann_jax.kernels.backend import Backend
from wann_jax.version import KERNELS_VARIABLE

XLA = Backend("xla", xla.samples, xla.act, xla.individuals_per_block, xla.STEPS_PER_LOOK)
XLA_CPU = Backend("xla", xla_cpu.samples, xla_cpu.act, xla_cpu.individuals_per_block)
NATIVE = Backend("native", native.samples, native.act, native.individuals_per_block)
PALLAS = Backend(
    "pallas", pallas.samples, pallas.act, pallas.individuals_per_block, xla.STEPS_PER_LOOK, pallas.episodes
)
OLDEST_CAPABILITY = (8, 0)  # Ampere: what Triton, through which Pallas compiles, takes


def on_each_platform(run: Callable[..., Any], *arguments: Any) -> Any:
    """`run(backend, *arguments)`, with the backend of the platform that the program is lowered for."""
    on_cpu = NATIVE if native.FORWARD.ready() else XLA_CPU
    on_cuda = PALLAS if _pallas_can_run() else XLA
    backends = {"cpu": on_cpu, "cuda": on_cuda, "default": XLA}
    return lax.platform_dependent(*arguments, **{name: partial(run, each) for name, each in backends.items()})


def backend_of(platform: str) -> Backend:
    """The backend of programs for a platform ("cpu", "gpu", "tpu") on this machine."""
    if platform == "cpu":
        return NATIVE if loader.available() else XLA_CPU
    return PALLAS if platform in ("gpu", "cuda") and _pallas_can_run() else XLA


def check_choice() -> None:
    """Raises ConfigError if $WANN_KERNELS asks for what cannot run here."""
    wanted, platform = loader.kernels_wanted(), jax.default_backend()
    if wanted == "native":
        require(platform == "cpu", f"${KERNELS_VARIABLE}", "auto, pallas or xla where programs run on a GPU or TPU", wanted)
    if wanted == "pallas":
        rule = f"auto, native or xla: Pallas needs an NVIDIA GPU of compute capability {_capability_in_words()} or newer"
        require(_pallas_can_run(), f"${KERNELS_VARIABLE}", rule, wanted)


def _pallas_can_run() -> bool:
    return True
