"""The version of the package, and which kernels its programs run on this machine; imports nothing that takes long."""

import os
import shlex
import shutil
from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("wann_jax")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0.0.0"

KERNELS_VARIABLE = "WANN_KERNELS"
KERNELS = ("auto", "native", "pallas", "xla")  # what it may say
COMPILERS = ("c++", "g++", "clang++")  # that are looked for where $CXX names none


def kernels_in_words() -> str:
    """What evaluates networks here, as far as that can be told without starting anything."""
    chosen = os.environ.get(KERNELS_VARIABLE, "auto")
    if chosen != "auto":
        return f"{chosen} ({KERNELS_VARIABLE})"
    named = shlex.split(os.environ.get("CXX", "").replace("'", " ").replace('"', " "))[:1]
    elsewhere = "pallas on newer NVIDIA GPUs, xla elsewhere"
    found = [name for name in named or COMPILERS if shutil.which(name)]
    return f"native on a CPU ({found[0]}), {elsewhere}" if found else f"xla on a CPU (no C++ compiler), {elsewhere}"
