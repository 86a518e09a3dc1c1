"""The one place that chooses who evaluates networks.

In: a function of a backend and arrays, such as a whole rollout. Out: its result. The choice is that of the platform
which a program is lowered for, not of the machine that lowers it: on a CPU the native kernels where there is a
compiler, on NVIDIA's GPUs from Ampere on those in Pallas, elsewhere XLA's code. $WANN_KERNELS (native, pallas, xla)
insists on one.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax

from wann_jax import native as loader
from wann_jax.errors import require
from wann_jax.kernels import native, pallas, xla, xla_cpu
from wann_jax.kernels.backend import Backend
from wann_jax.kernels.memory import budget_bytes
from wann_jax.kernels.platforms import by_platform
from wann_jax.kernels.trial import failure_of
from wann_jax.version import KERNELS_VARIABLE

XLA = Backend("xla", xla.samples, xla.act, xla.individuals_per_block, xla.STEPS_PER_LOOK)
XLA_CPU = Backend("xla", xla_cpu.samples, xla_cpu.act, xla_cpu.individuals_per_block)
NATIVE = Backend("native", native.samples, native.act, native.individuals_per_block)
PALLAS = Backend(
    "pallas",
    pallas.samples,
    pallas.act,
    pallas.individuals_per_block,
    xla.STEPS_PER_LOOK,
    pallas.whole_episodes,
    pallas.in_one_launch,
)
OLDEST_CAPABILITY = 8.0  # Ampere: what Triton takes, through which Pallas compiles


def on_each_platform(run: Callable[..., Any], *arguments: Any) -> Any:
    """`run(backend, *arguments)`, with the backend of the platform that the program is lowered for.

    Raises ConfigError if $WANN_KERNELS asks for what cannot run.
    """
    backends = {"cpu": _on_cpu(), "cuda": _on_cuda(), "default": XLA}
    return by_platform({name: partial(run, backend) for name, backend in backends.items()}, *arguments)


def backend_of(platform: str) -> Backend:
    """The backend of programs for a platform ("cpu", "gpu", "tpu") on this machine."""
    return {"cpu": _on_cpu, "gpu": _on_cuda, "cuda": _on_cuda}.get(platform, lambda: XLA)()


def _on_cpu() -> Backend:
    return NATIVE if native.ready() else XLA_CPU


def _on_cuda() -> Backend:
    """Without a GPU here, of programs that are lowered to be run elsewhere: XLA's, which any GPU takes."""
    wanted, here = loader.kernels_wanted(), jax.default_backend() == "gpu"
    if wanted == "pallas":
        return PALLAS
    return PALLAS if wanted == "auto" and here and _is_new_enough() and _passes_trial() else XLA


def _is_new_enough() -> bool:
    """Whether this machine's GPU takes Pallas' kernels."""
    device = jax.local_devices()[0]
    is_nvidia = "nvidia" in device.device_kind.lower()
    return is_nvidia and float(getattr(device, "compute_capability", 0)) >= OLDEST_CAPABILITY


@cache
def _passes_trial() -> bool:
    """Whether Pallas' kernels give here what the host's give; says so if not."""
    failure = failure_of(PALLAS, XLA_CPU)
    if failure:
        loader.tell(f"going on without the kernels in Pallas, more slowly: {failure}")
    return not failure


def check_choice() -> None:
    """Raises ConfigError if $WANN_KERNELS insists on kernels that cannot run where this machine's programs do, or if
    $WANN_DEVICE_MEMORY is no number."""
    budget_bytes()
    wanted, platform = loader.kernels_wanted(), jax.default_backend()
    field = f"${KERNELS_VARIABLE}"
    require(
        wanted != "native" or platform == "cpu",
        field,
        f"auto, pallas or xla where programs run on a {platform}",
        wanted,
    )
    can_run = platform == "gpu" and _is_new_enough()
    rule = f"auto, native or xla without an NVIDIA GPU of compute capability {OLDEST_CAPABILITY} or newer"
    require(wanted != "pallas" or can_run, field, rule, wanted)
