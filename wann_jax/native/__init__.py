"""Native CPU code: compiled at its first use by the machine's own C++ compiler, and kept for the next time.

In: arrays. Out: arrays, by foreign functions that XLA calls. A `Library` belongs to one C++ source in kernels/native,
and lives in the module that uses it. What is written in JAX is the reference, the fallback, and what other devices run.
$WANN_KERNELS=xla turns the native code off, =native insists on it.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

import jax
import numpy as np
from jax import Array

from wann_jax.errors import ConfigError, require, require_known
from wann_jax.native import compiler, store
from wann_jax.native.compiler import CompilerError, NoCompilerError, Value
from wann_jax.version import KERNELS, KERNELS_VARIABLE

LIBRARIES: list["Library"] = []  # all that have been imported
_LOCK = RLock()


@cache
def available() -> bool:
    """Whether native code is wanted and there is a compiler that works; compiles nothing but an empty source.

    Raises ConfigError if $WANN_KERNELS is none of those known, or if it is native and there is no such compiler.
    """
    if kernels_wanted() not in ("auto", "native"):
        return False
    try:
        compiler.settle(_insists())
    except CompilerError as error:
        _go_on_without("native kernels", error)
        return False
    return True


def kernels_wanted() -> str:
    """What $WANN_KERNELS says. Raises ConfigError for a name that nobody knows."""
    old = os.environ.get("WANN_NATIVE")
    require(old is None, "$WANN_NATIVE", f"unset: ${KERNELS_VARIABLE}=xla or native says it now", old)
    chosen = os.environ.get(KERNELS_VARIABLE) or "auto"
    require_known(f"${KERNELS_VARIABLE}", chosen, KERNELS)
    return chosen


class Library:
    """The native code of one C++ source, kernels/native/NAME.cc.

    `targets`: the functions in it. `seconds`: what compiling it usually takes. `constants`: numbers that it shares with
    Python, as macros WANN_NAME; they belong to the name of the library's file.
    """

    def __init__(
        self, name: str, *targets: str, seconds: float, constants: Callable[[], Mapping[str, Value]] = dict
    ) -> None:
        self.name, self.targets, self.seconds, self._constants = name, targets, seconds, constants
        self._is_loaded: bool | None = None
        LIBRARIES.append(self)

    def ready(self) -> bool:
        """Whether programs are to use it: compiles, loads and registers it when that is first asked on a CPU.

        Raises ConfigError if it cannot be compiled and $WANN_KERNELS is native.
        """
        if not _runs_on_cpu() or not available():
            return False
        with _LOCK:
            if self._is_loaded is None:
                self._is_loaded = self._load()
        return self._is_loaded

    @property
    def path(self) -> Path:
        """Where its file lies or will lie. Raises CompilerError, OSError."""
        return compiler.library_path(compiler.settle(_insists()), self.name, self._constants())

    def call(
        self,
        target: str,
        results: Any,
        *arrays: Array,
        vmap_method: str = "sequential",
        in_place: dict[int, int] | None = None,
        major_to_minor: dict[int, tuple[int, ...]] | None = None,
        **attributes: int | float,
    ) -> Any:
        """What the function `target` makes of the arrays; `results` gives shapes and types. CPU only, when `ready`.

        `in_place`: results that are written over an array, by position of the array. `major_to_minor`: the order of
        axes in memory of an array, by its position, where it is not that of its shape.
        """
        layouts = [(major_to_minor or {}).get(place) for place in range(len(arrays))] if major_to_minor else None
        function = jax.ffi.ffi_call(
            target, results, vmap_method=vmap_method, input_layouts=layouts, input_output_aliases=in_place
        )
        typed = {name: np.float32(v) if isinstance(v, float) else np.int32(v) for name, v in attributes.items()}
        return function(*arrays, **typed)

    def missing(self) -> bool:
        """Whether there is something to compile: neither loaded nor a whole file, and no failure that is remembered."""
        if self._is_loaded is not None:
            return False
        path = self.path
        return not store.is_whole(path) and (_insists() or "failure" not in store.read_note(path))

    def build(self) -> None:
        """Compiles it, whatever is there. Raises CompilerError."""
        path = self.path
        compiler.build(compiler.settle(_insists()), self.name, self._constants(), path)

    def _load(self) -> bool:
        try:
            library = self._opened()
        except (CompilerError, OSError) as error:
            _go_on_without(f"the native kernel {self.name}", error)
            return False
        for target in self.targets:
            jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(getattr(library, target)), platform="cpu")
        return True

    def _opened(self) -> ctypes.CDLL:
        path = self.path
        if self.missing():
            compile_together(self)
        note = store.read_note(path)
        if "failure" in note:
            raise CompilerError(compiler.remembered(note["failure"], path))
        library = ctypes.CDLL(str(path))
        lost = [target for target in self.targets if not hasattr(library, target)]
        if lost:
            raise CompilerError(f"{path} has no {', '.join(lost)}")
        return library


def compile_together(*libraries: Library) -> None:
    """Compiles those that are not there yet, all at the same time, and says so; `Library.ready` tells failures."""
    if not _runs_on_cpu() or not available():
        return
    try:
        missing = [library for library in libraries if library.missing()]
    except (CompilerError, OSError):
        return
    if not missing:
        return
    workers = min(len(missing), os.cpu_count() or 1)
    seconds = max(sum(library.seconds for library in missing) / workers, *(library.seconds for library in missing), 0)
    names = ", ".join(library.name for library in missing)
    tell(f"compiling native kernels ({names}), once on this machine, usually {seconds:.0f} s")
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(library.build) for library in missing]:
            done.exception()


def numbers(*modules: ModuleType) -> dict[str, Value]:
    """Constants of modules for C++: numbers, and tuples of numbers, as module_name."""
    found: dict[str, Value] = {}
    for module in modules:
        for name, value in vars(module).items():
            if name.isupper() and all(map(_is_number, value if isinstance(value, tuple) else (value,))):
                found[f"{module.__name__.split('.')[-1]}_{name.strip('_')}".lower()] = _plain(value)
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number)


def _plain(value: Any) -> Any:
    return np.array(value).tolist()


def _runs_on_cpu() -> bool:
    device = getattr(jax.config, "jax_default_device", None)
    return (getattr(device, "platform", device) or jax.default_backend()) == "cpu"


def _insists() -> bool:
    return os.environ.get(KERNELS_VARIABLE) == "native"


def _go_on_without(what: str, error: Exception) -> None:
    """Says so, unless there is simply no compiler. Raises ConfigError if the user insists."""
    if _insists():
        raise ConfigError(f"${KERNELS_VARIABLE}=native needs a C++ compiler that works; got {error}") from None
    if not isinstance(error, NoCompilerError):
        tell(f"going on without {what}, more slowly: {error}")


def tell(line: str) -> None:
    """One line for the user, beside what programs print."""
    print(line, file=sys.stderr, flush=True)
