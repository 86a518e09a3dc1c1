"""Where compiled code is kept: only files that their user owns and others cannot write, whole as they were made.

In: a path in the cache. Out: whether what lies there may be loaded, and notes beside it: size and hash of a library, or
why there is none. Code is loaded from here, so a shared cache directory must not let others put theirs in its place.
"""

import hashlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from wann_jax.files import cache_dir, strict_json


def folder() -> Path:
    """The user's own folder for native code, made if need be. OSError if it cannot be, or is somebody else's."""
    path = cache_dir() / "native"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        raise PermissionError(f"{path} must be the user's own folder; another user owns it")
    if _others_may_write(found):
        path.chmod(0o700)
    return path


def is_own(path: Path) -> bool:
    """Whether there is a regular file that the user owns and others cannot write."""
    try:
        found = path.lstat()
    except OSError:
        return False
    is_users = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    return stat.S_ISREG(found.st_mode) and is_users and not _others_may_write(found)


def is_whole(path: Path) -> bool:
    """Whether a library is the user's own and what its note says: a damaged one would kill the process."""
    note = read_note(path)
    try:
        return is_own(path) and "sha256" in note and _facts(path.read_bytes()) == note
    except OSError:
        return False


def keep(made: Path, path: Path) -> None:
    """Moves a library that has just been made to its place, whole or not at all, whoever else is compiling."""
    content = made.read_bytes()
    write(path, content)
    write_note(path, _facts(content))


def read_note(path: Path) -> dict[str, Any]:
    """What is noted beside a path; empty if that is nothing, damaged, or could be somebody else's."""
    place = _note(path)
    try:
        note = json.loads(place.read_text()) if is_own(place) else {}
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def write_note(path: Path, note: dict[str, Any]) -> Path:
    """Gives the note's path."""
    return write(_note(path), strict_json(note).encode())


def write(path: Path, content: bytes) -> Path:
    """Whole and on the disk, or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent)  # nobody else may read or write it
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def _note(path: Path) -> Path:
    return path.with_suffix(".json")


def _facts(content: bytes) -> dict[str, Any]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _others_may_write(found: os.stat_result) -> bool:
    return bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
