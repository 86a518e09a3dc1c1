"""Native CPU code: compiled once by the machine's own C++ compiler, used automatically where there is one.

In: arrays. Out: arrays, by a foreign function that XLA calls; the sources lie in kernels/native. What is written in
JAX is the reference, the fallback, and what other devices run. $WANN_NATIVE=0 turns the native code off, =1 insists
on it.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jaxlib
import numpy as np
from jax import Array

from wann_jax.errors import ConfigError, require
from wann_jax.files import cache_dir

VARIABLE = "WANN_NATIVE"
FOLDER = Path(__file__).parent / "kernels" / "native"
SOURCES = tuple(
    FOLDER / f"{name}.cc" for name in ("biped", "breed", "car", "car_picture", "express", "forward", "loss")
)
TARGETS = (
    "wann_biped",
    "wann_breed",
    "wann_car",
    "wann_car_picture",
    "wann_express",
    "wann_express_connections",
    "wann_forward_samples",
    "wann_forward_lanes",
    "wann_cross_entropy",
)
# Exact where it matters: no -ffast-math, so that NaN stays NaN and sums keep their order.
FLAGS = "-std=c++20 -O3 -fno-math-errno -fno-trapping-math -fPIC -Wno-psabi"
TUNING = ("-march=native -mprefer-vector-width=512", "-march=native", "-mcpu=native", "")  # the first that works


@cache
def available() -> bool:
    """Whether the native code can be used: compiles and registers it at the first call.

    Raises ConfigError if $WANN_NATIVE is neither 0, 1 nor auto, or if it is 1 and they cannot be compiled.
    """
    choice = os.environ.get(VARIABLE, "auto")
    require(choice in ("0", "1", "auto"), f"${VARIABLE}", "0, 1 or auto", choice)
    if choice == "0":
        return False
    try:
        library = ctypes.CDLL(str(_compiled()))
    except (OSError, subprocess.SubprocessError) as error:
        if choice == "1":
            raise ConfigError(f"${VARIABLE}=1 needs a C++ compiler that works; got {error}") from None
        return False
    for name in TARGETS:
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(getattr(library, name)), platform="cpu")
    return True


def call(
    target: str,
    results: Any,
    *arrays: Array,
    vmap_method: str = "sequential",
    in_place: dict[int, int] | None = None,
    major_to_minor: dict[int, tuple[int, ...]] | None = None,
    **attributes: int | float,
) -> Any:
    """What the native function `target` makes of the arrays; `results` gives shapes and types. CPU only.

    `in_place`: results that are written over an array, by position of the array. `major_to_minor`: the order of axes in
    memory of an array, by its position, where it is not that of its shape.
    """
    layouts = [(major_to_minor or {}).get(place) for place in range(len(arrays))] if major_to_minor else None
    function = jax.ffi.ffi_call(
        target, results, vmap_method=vmap_method, input_layouts=layouts, input_output_aliases=in_place
    )
    typed = {name: np.float32(v) if isinstance(v, float) else np.int32(v) for name, v in attributes.items()}
    return function(*arrays, **typed)


def _compiled() -> Path:
    """The library for this machine, made at most once; OSError or SubprocessError if that fails."""
    headers = str(jax.ffi.include_dir())
    compiler = shlex.split(os.environ.get("CXX", "")) or [shutil.which("c++") or shutil.which("g++") or "clang++"]
    texts = [path.read_text() for path in sorted(FOLDER.glob("*.[ch]*"))]
    facts = (*texts, FLAGS, *TUNING, jaxlib.__version__, *compiler, platform.platform(), _processor())
    path = cache_dir() / "native" / f"{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}.so"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for tuning in TUNING:
            words = [*compiler, *FLAGS.split(), *tuning.split(), "-isystem", headers]
            try:
                made = _build(words, Path(folder))
                break
            except OSError:
                if tuning == TUNING[-1]:
                    raise
        made.replace(path)  # whole or not at all, whoever else is compiling
    return path


def _build(words: list[str], folder: Path) -> Path:
    """Compiles the sources, all at the same time, and links them; OSError or SubprocessError if that fails."""

    def run(*more: str) -> None:
        done = subprocess.run([*words, *more], capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise OSError(f"{words[0]}: {' '.join(done.stderr.split())[:300]}")

    objects = [str(folder / f"{source.stem}.o") for source in SOURCES]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = [pool.submit(run, "-c", str(source), "-o", to) for source, to in zip(SOURCES, objects, strict=True)]
        for each in compiled:
            each.result()
    library = folder / "library.so"
    run("-shared", *objects, "-o", str(library))
    return library


def _processor() -> str:
    """What a library compiled for this processor depends on: machines may share a cache directory."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
