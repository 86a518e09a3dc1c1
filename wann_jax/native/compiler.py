"""The machine's own C++ compiler: which one, with which options, and one run of it.

In: $CXX and a source. Out: a library, or a `CompilerError` that says in one line why there is none.
"""

import contextlib
import hashlib
import os
import platform
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jax
import jaxlib

from wann_jax.errors import ConfigError
from wann_jax.native import store
from wann_jax.version import COMPILERS

VARIABLE = "CXX"
FOLDER = Path(__file__).parents[1] / "kernels" / "native"
# Exact where it matters: no -ffast-math, so that NaN stays NaN and sums keep their order.
FLAGS = ["-std=c++20", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-Wno-psabi"]
TUNING = ("-march=native -mprefer-vector-width=512", "-march=native", "-mcpu=native", "")  # the first that works
TIMEOUT = 300.0  # s, for a source
_TRIAL_TIMEOUT = 30.0  # s, for an empty one

Value = bool | int | float | Sequence[bool | int | float]


class CompilerError(Exception):
    """Why there is no native code, in one line."""


class NoCompilerError(CompilerError):
    """None is asked for, and there is none."""


class Compiler(NamedTuple):
    """A compiler that works."""

    command: tuple[str, ...]
    tuning: str  # of TUNING
    identity: str  # another one for another compiler or machine


def settle(insist: bool = False) -> Compiler:
    """The compiler of $CXX, else c++, g++ or clang++, after a trial on an empty source.

    How the trial went is remembered; with `insist` a failure is not. Raises CompilerError if it does not work,
    ConfigError if $CXX makes no command.
    """
    command = _command()
    program = shutil.which(command[0])
    found = Path(program).stat() if program else None
    facts = (command, program, found and (found.st_size, found.st_mtime_ns), platform.platform(), _processor())
    identity = hashlib.sha256(repr(facts).encode()).hexdigest()
    try:
        folder = store.folder()
    except OSError as error:
        raise CompilerError(str(error)) from None
    place = folder / f"compiler-{identity[:16]}"
    note = store.read_note(place)
    if note.get("tuning") not in TUNING:
        known = note.get("failure")
        if known and not insist:
            raise CompilerError(remembered(known, place))
        with remembering(place):
            note = {"tuning": _trial(command)}
            store.write_note(place, note)
    return Compiler(tuple(command), note["tuning"], identity)


def library_path(compiler: Compiler, source: str, constants: Mapping[str, Value]) -> Path:
    """Where the library of a source lies or will lie: its name tells all that it depends on."""
    texts = [(FOLDER / f"{source}.cc").read_text(), *(path.read_text() for path in sorted(FOLDER.glob("*.h")))]
    facts = (*texts, FLAGS, compiler.tuning, compiler.identity, jaxlib.__version__, *_defines(constants))
    return store.folder() / f"{source}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}.so"


def build(compiler: Compiler, source: str, constants: Mapping[str, Value], path: Path) -> None:
    """Compiles a source to the library at `path`. A failure is remembered beside it. Raises CompilerError."""
    includes = ["-isystem", str(jax.ffi.include_dir())]
    words = [*compiler.command, *FLAGS, *compiler.tuning.split(), *includes, *_defines(constants)]
    with remembering(path), tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / path.name
        _run([*words, "-shared", str(FOLDER / f"{source}.cc"), "-o", str(made)], TIMEOUT)
        store.keep(made, path)


@contextlib.contextmanager
def remembering(path: Path):
    """What goes wrong inside is noted beside the path, and raised as CompilerError."""
    try:
        yield
    except (OSError, CompilerError) as error:
        with contextlib.suppress(OSError):
            store.write_note(path, {"failure": str(error)})
        raise CompilerError(str(error)) from None


def remembered(failure: str, path: Path) -> str:
    """What to say of a failure that is known from an earlier time."""
    return f"{failure} (as seen before; to try again: rm {shlex.quote(str(path.with_suffix('.json')))})"


def _command() -> list[str]:
    text = os.environ.get(VARIABLE, "")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"${VARIABLE} must be a command as a shell takes it ({error}); got {text!r}") from None
    if words:
        return words
    found = [name for name in COMPILERS if shutil.which(name)]
    if not found:
        raise NoCompilerError("there is no C++ compiler")
    return found[:1]


def _trial(command: Sequence[str]) -> str:
    """The first tuning that the compiler knows. Raises CompilerError; the first time-out ends it."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "empty.cc"
        source.touch()
        for tuning in TUNING:
            try:
                _run([*command, *FLAGS, *tuning.split(), "-fsyntax-only", str(source)], _TRIAL_TIMEOUT)
            except CompilerError as error:
                failure = error
                if isinstance(error.__cause__, subprocess.TimeoutExpired):
                    break
            else:
                return tuning
    raise failure


def _run(words: Sequence[str], timeout: float) -> None:
    """Raises OSError if there is no such program, CompilerError if it fails or does not end."""
    with tempfile.TemporaryFile() as errors:  # no pipe, which a hanging grandchild would hold open
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise CompilerError(f"{words[0]} had not finished after {timeout:.0f} s") from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # its children, too
                process.wait()
        errors.seek(0)
        lines = errors.read().decode(errors="replace").split("\n")
    if code != 0:
        told = [line.strip() for line in lines if line.strip()] or [f"exit status {code}"]
        raise CompilerError(f"{words[0]}: {next((line for line in told if 'error' in line), told[0])[:300]}")


def _defines(constants: Mapping[str, Value]) -> list[str]:
    return [f"-DWANN_{name.upper()}={_in_cpp(value)}" for name, value in sorted(constants.items())]


def _in_cpp(value: Value) -> str:
    if isinstance(value, Sequence):
        return ",".join(map(_in_cpp, value))
    return str(value).lower() if isinstance(value, bool) else repr(value)


@cache
def _processor() -> str:
    """What a library compiled for this processor depends on: machines may share a cache directory."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
