"""What every benchmark shares: the machine's description, timing, and the results folder."""

import os
import platform
import re
import resource
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

import jax

import wann_jax
from wann_jax import native
from wann_jax.envs import bipedal_walker
from wann_jax.files import strict_json
from wann_jax.kernels.choosing import backend_of

RESULTS = Path(__file__).parent / "results"
LIST_OF_NUMBERS = re.compile(r"\[[-+.\deE,\s]+\]")  # goes on one line: curves are long


def machine() -> dict[str, Any]:
    """Commit, device, processor, cores and versions."""
    return {
        "commit": commit(),
        "device": jax.devices()[0].device_kind,
        "num_devices": len(jax.devices()),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "kernels": backend_of(jax.default_backend()).name,
        "python": platform.python_version(),
        **{name: version(name) for name in ("jax", "jaxlib")},
        "wann_jax": wann_jax.__version__,
    }


def commit(checkout: Path = RESULTS.parent) -> str | None:
    """A checkout's commit, with a + where files differ from it; None outside a checkout."""
    call = ["git", "-C", str(checkout), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    try:
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def cpu_model() -> str:
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def time_it(function: Callable[[], Any], repeats: int = 7) -> dict[str, float]:
    """Seconds of the first call (compilation included), then quartiles of the later ones; blocks on the results."""
    began = time.perf_counter()
    jax.block_until_ready(function())
    first = time.perf_counter() - began
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(function())
        seconds.append(time.perf_counter() - began)
    lower, median, upper = statistics.quantiles(seconds, n=4, method="inclusive")
    return {"first_call": first, "median": median, "lower_quartile": lower, "upper_quartile": upper, "repeats": repeats}


def peak_memory_gib() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def write_result(name: str, document: dict[str, Any]) -> Path:
    """Writes results/NAME.json with the command (without a machine's folders) and the machine; returns its path."""
    module = Path(sys.argv[0]).stem
    arguments = [
        "DIR" if os.path.isdir(word) else Path(word).name if os.path.isabs(word) else word for word in sys.argv[1:]
    ]
    command = shlex.join(["python", "-m", f"benchmarks.{module}", *arguments])
    path = RESULTS / f"{name}.json"
    RESULTS.mkdir(exist_ok=True)
    text = strict_json({"command": command, "machine": machine(), **document}, indent=1)
    path.write_text(LIST_OF_NUMBERS.sub(lambda found: " ".join(found[0].split()), text) + "\n")
    return path


def without_native(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function gives where there is no native code."""

    def forget():
        jax.clear_caches()
        bipedal_walker._advance_lanes.cache_clear()

    forget()
    try:
        with mock.patch.object(native, "available", return_value=False):
            return function(*arguments)
    finally:
        forget()
