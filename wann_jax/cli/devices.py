"""`wann devices`: what evaluates networks on this machine, as JAX and the compiler themselves say.

In: the machine. Out: a few lines; and one line of advice where there is an accelerator that JAX does not see.
"""

import importlib.metadata
import os
import platform
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jaxlib

from wann_jax.cli.listing import prints_help
from wann_jax.files import cache_dir
from wann_jax.kernels.choosing import backend_of
from wann_jax.native import compiler
from wann_jax.version import __version__

DEVICE_FILES = Path("/dev")
VARIABLES = ("WANN_KERNELS", "WANN_DEVICE_MEMORY", "WANN_CPU_DEVICES", "CXX", "JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES")
WITHOUT = "on a CPU, XLA's code evaluates networks, more slowly"


def run_devices(args: list[str]) -> int:
    """`wann devices`; the exit status. Raises ConfigError if $WANN_KERNELS insists on what cannot be had."""
    if prints_help(
        "devices", "Tell which devices, kernels and compiler are used, and where compiled code is kept.", args
    ):
        return 0
    devices = Counter(map(_in_words, jax.devices()))
    told = {
        "versions": f"wann_jax {__version__}, jax {jax.__version__}, jaxlib {jaxlib.__version__}, "
        f"Python {platform.python_version()}",
        "devices": ", ".join(f"{count} x {words}" for words, count in devices.items()),
        "kernels": backend_of(jax.default_backend()).name,
        "C++ compiler": _compiler_in_words(),
        "variables": ", ".join(f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ) or "none set",
        "native code": f"kept in {cache_dir() / 'native'}",
        "XLA's code": _xla_cache_in_words(),
    }
    for name, words in told.items():
        print(f"{name:12}  {words}")
    advice = unused_accelerator()
    if advice:
        print(advice)
    return 0


def unused_accelerator() -> str | None:
    """What to do about an accelerator that this machine has and JAX does not see; None if there is none, or if the user
    has said which devices to use."""
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1")
    if is_hidden or os.environ.get("JAX_PLATFORMS") or jax.default_backend() != "cpu":
        return None
    found = accelerator(DEVICE_FILES)
    if found is None:
        return None
    name, advice = found
    plugins = [entry.name for entry in importlib.metadata.entry_points(group="jax_plugins")]
    if plugins:
        advice = f"its plugin is installed ({', '.join(plugins)}) and did not start: see what JAX says of it"
    return f"this machine has {name}, but JAX sees only the CPU: {advice}"


def accelerator(device_files: Path, which: Callable[[str], str | None] = shutil.which) -> tuple[str, str] | None:
    """An accelerator that this machine has, by the files that its driver makes in /dev, and how to get a JAX for it."""
    on_windows = (device_files / "dxg").exists() and which("nvidia-smi") is not None  # in WSL NVIDIA has no files
    if on_windows or any(device_files.glob("nvidia[0-9]*")):
        return "an NVIDIA GPU", "pip install 'wann_jax[cuda13]' (with a driver older than 580: cuda12)"
    if any(device_files.glob("accel[0-9]*")):
        return "a TPU", "pip install 'wann_jax[tpu]'"
    return None


def _in_words(device: Any) -> str:
    words = [device.platform, "" if device.device_kind == device.platform else device.device_kind]
    try:
        limit = (device.memory_stats() or {}).get("bytes_limit")
    except jax.errors.JaxRuntimeError:  # some platforms do not count
        limit = None
    words.append(f"({limit / 2**30:.1f} GiB for JAX)" if limit else "")
    return " ".join(filter(None, words))


def _compiler_in_words() -> str:
    try:
        found = compiler.settle()
    except compiler.NoCompilerError:
        return f"none found ($CXX, {', '.join(compiler.COMPILERS)}): {WITHOUT}"
    except compiler.CompilerError as error:
        return f"does not work: {WITHOUT}; {error}"
    return " ".join([*found.command, found.tuning]).strip()


def _xla_cache_in_words() -> str:
    folder = getattr(jax.config, "jax_compilation_cache_dir", None)
    return f"kept in {folder}" if folder else "not kept ($JAX_COMPILATION_CACHE_DIR names a folder)"
