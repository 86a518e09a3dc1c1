"""One process at a time writes into a directory.

In: a directory. Out: a lock in it that goes when its process ends, however it ends. Where a network disk knows no locks
of that kind, the lock is a file with the process's number and machine; one of a dead process is taken over.
"""

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import filelock

from wann_jax.errors import CheckpointError

LOCK_FILE = "lock"
_WAIT = 0.5  # s: a lock of a dead process is taken over at the second look
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL}  # what flock says where it is not there


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds a directory against other processes. Raises CheckpointError if one holds it already, or if nothing can be
    written there."""
    try:
        lock = _kind(path)(path / LOCK_FILE, timeout=_WAIT)
        lock.acquire()
    except filelock.Timeout:
        raise CheckpointError(f"run {str(path)!r} must be one that no other process is writing; one is") from None
    except OSError as error:
        raise CheckpointError(f"run {str(path)!r} must be a directory that can be written; got {error}") from None
    file = path / LOCK_FILE
    ours = file.stat()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the directory may have gone, or be another one by now
            if os.path.samestat(file.stat(), ours):
                file.unlink()
        with contextlib.suppress(OSError):
            lock.release()


def _kind(folder: Path) -> type[filelock.BaseFileLock]:
    """What locks there: the system's locks, or files. Raises OSError."""
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return filelock.SoftFileLock
            raise
    return filelock.FileLock
