"""The version of the package, and which kernels its programs run on this machine; imports nothing that takes long."""

import os
import shlex
import shutil
from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("wann_jax")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0.0.0"

COMPILERS = ("c++", "g++", "clang++")  # that are looked for where $CXX names none


def kernels_in_words() -> str:
    """What evaluates networks here, as far as that can be told without starting anything."""
    if os.environ.get("WANN_NATIVE") == "0":
        return "xla (WANN_NATIVE=0)"
    named = shlex.split(os.environ.get("CXX", "").replace("'", " ").replace('"', " "))[:1]
    found = [name for name in named or COMPILERS if shutil.which(name)]
    return f"native on a CPU ({found[0]}), xla elsewhere" if found else "xla (no C++ compiler)"
