"""Programs compiled ahead of time for accelerators that this machine does not have (extra `aot`).

In: a function, the shapes of its arguments, a target. Out: the compiled program, whose text and memory can be read;
nothing can be run.
"""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jax
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding

from wann_jax.errors import ConfigError, require_known

GIB = 2**30
_CUDA_DEVICE = """
gpu_device_info {{
  cuda_compute_capability {{ major: {major} minor: {minor} }} threads_per_block_limit: 1024 threads_per_warp: 32
  shared_memory_per_block: 49152 shared_memory_per_block_optin: {shared} shared_memory_per_core: {shared_core}
  threads_per_core_limit: {threads} registers_per_core_limit: 65536 registers_per_block_limit: 65536
  core_count: {cores} fpus_per_core: {fpus} block_dim_limit_x: 2147483647 block_dim_limit_y: 65535
  block_dim_limit_z: 65535 memory_bandwidth: {bandwidth} l2_cache_size: {l2} clock_rate_ghz: {clock}
  device_memory_size: {memory}
}}
platform_name: "CUDA" dnn_version_info {{ major: 9 minor: 8 patch: 0 }}
runtime_version {{ major: 12 minor: 9 patch: 0 }} device_description_str: "{name}"
"""


@dataclass(frozen=True)
class Target:
    """An accelerator, with what the model of a program's time needs to know."""

    name: str
    platform: str  # as JAX lowers for it
    memory_gib: float
    bandwidth: float  # bytes/s of its main memory
    l2_bandwidth: float  # bytes/s of its last cache
    l2_bytes: int
    description: str  # a CUDA device's text, or a TPU's topology

    @property
    def is_cuda(self) -> bool:
        """Whether it is one of NVIDIA's."""
        return self.platform == "cuda"


def _cuda(
    name: str, capability: tuple[int, int], cores: int, memory_gib: float, bandwidth: float, l2: float, l2_mib: int
) -> Target:
    is_turing = capability == (7, 5)
    shared, shared_core = {(7, 5): (65536, 65536), (8, 0): (166912, 167936)}.get(capability, (232448, 233472))
    description = _CUDA_DEVICE.format(
        major=capability[0],
        minor=capability[1],
        shared=shared,
        shared_core=shared_core,
        threads=1024 if is_turing else 2048,
        cores=cores,
        fpus=128 if capability[0] == 9 else 64,
        bandwidth=int(bandwidth),
        l2=l2_mib << 20,
        clock={7: 1.59, 8: 1.41, 9: 1.98}[capability[0]],
        memory=int(memory_gib * GIB),
        name=name,
    )
    return Target(name, "cuda", memory_gib, bandwidth, l2, l2_mib << 20, description)


# Memory, bandwidth and cores: the makers' data sheets. Bandwidth of the last cache: published microbenchmarks.
TARGETS = {
    "h100": _cuda("NVIDIA H100 80GB HBM3", (9, 0), 132, 79.1, 3.352e12, 7.0e12, 50),
    "a100": _cuda("NVIDIA A100-SXM4-40GB", (8, 0), 108, 39.4, 1.555e12, 4.5e12, 40),
    "t4": _cuda("Tesla T4", (7, 5), 40, 14.6, 3.2e11, 1.2e12, 4),
    "v5e": Target("TPU v5e", "tpu", 16.0, 8.19e11, 8.19e11, 0, "v5e:2x2"),
}


WITH_PALLAS = ("h100", "a100")  # Ampere or newer


def settle_environment() -> None:
    """Before JAX starts: only the CPU is used, and the assembler of the extra is found."""
    jax.config.update("jax_platforms", "cpu")
    os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    spec = importlib.util.find_spec("nvidia")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for found in Path(folder).glob("*/bin/ptxas"):
            os.environ["PATH"] = f"{found.parent}{os.pathsep}{os.environ.get('PATH', '')}"


def missing_for(target: Target) -> str | None:
    """The package that compiling for it needs and that is not installed."""
    module = "jax_plugins.xla_cuda12" if target.is_cuda else "libtpu"
    try:
        return None if importlib.util.find_spec(module) else module
    except ModuleNotFoundError:
        return module


@cache
def device_of(name: str) -> Any:
    """A device that can only be compiled for. Raises ConfigError if the extra is not installed."""
    require_known("target", name, TARGETS)
    target = TARGETS[name]
    lacking = missing_for(target)
    if lacking:
        raise ConfigError(f"target {name} needs the extra aot (pip install 'wann_jax[aot]'); {lacking} is not here")
    if target.is_cuda:
        topology = topologies.get_topology_desc(platform="cuda", target_config=target.description, topology="1x1x1")
    else:
        topology = topologies.get_topology_desc(target.description, platform="tpu")
    return topology.devices[0]


def compile_for(name: str, function: Callable[..., Any], *shapes: Any, static: tuple[int, ...] = ()) -> Any:
    """The function, compiled for the target of this name."""
    sharding = SingleDeviceSharding(device_of(name))
    jitted = jax.jit(function, in_shardings=sharding, out_shardings=sharding)
    return jitted.trace(*shapes).lower(lowering_platforms=(TARGETS[name].platform,)).compile()
