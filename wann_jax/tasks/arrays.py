"""Arrays in files of strangers: IDX and .npz.

In: a path. Out: NumPy arrays. Whatever is wrong with a file raises DataError, in one line that names it; files of more
than 1 GiB (`files.MOST_DATA_BYTES`), packed or unpacked, are refused.
"""

import hashlib
import math
import struct
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from wann_jax.errors import DataError, require
from wann_jax.files import MOST_DATA_BYTES, npz_arrays, read_bytes, unpacked

MAX_AXES = 8  # of an IDX file; NumPy has no arrays of more than 64
MAX_NAMES = 12  # that a message lists


def read_idx(path: Path, sha256: str | None = None) -> np.ndarray:
    """An IDX file of bytes, gzipped or not. Raises DataError if it is damaged or its hash differs."""
    try:
        content = unpacked(path, read_bytes(path, MOST_DATA_BYTES), MOST_DATA_BYTES)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    require(len(content) >= 4 and content[:3] == b"\0\0\x08", str(path), "an IDX file of bytes", content[:4], DataError)
    num_axes = content[3]
    require(num_axes <= MAX_AXES, str(path), f"an array of at most {MAX_AXES} axes", num_axes, DataError)
    header = 4 + 4 * num_axes
    require(len(content) >= header, str(path), f"at least {header} bytes long", len(content), DataError)
    shape = struct.unpack(f">{num_axes}I", content[4:header])
    size = header + math.prod(shape)  # of Python's numbers, which do not overflow
    require(len(content) == size, str(path), f"{size} bytes long, as its header says", len(content), DataError)
    if sha256 is not None:
        found = hashlib.sha256(content).hexdigest()
        require(found == sha256, str(path), f"the file with SHA-256 {sha256}", found, DataError)
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def read_npz(path: Path) -> list[np.ndarray]:
    """Inputs and labels, `x` and `y` or `x_train` and `y_train`; then `x_test` and `y_test` if they are there.

    Raises DataError.
    """
    try:
        return [*npz_arrays(path, MOST_DATA_BYTES, partial(_names, path)).values()]
    except DataError:
        raise
    except Exception as error:  # damage makes zipfile, zlib, NumPy and the parser of its headers raise anything
        text = " ".join(str(error).split())[:120]
        raise DataError(f"{path} cannot be read as an .npz file: {text or type(error).__name__}") from None


def _names(path: Path, found: list[str]) -> Sequence[str]:
    """Of the arrays to read. Raises DataError if there is more or less than one training set, or half a test."""
    names = [name for name in ("x", "y", "x_train", "y_train", "x_test", "y_test") if name in found]
    training, test = [name for name in names if "test" not in name], [name for name in names if "test" in name]
    fits = training in (["x", "y"], ["x_train", "y_train"]) and len(test) != 1
    require(fits, str(path), "an .npz with arrays x and y (and x_test and y_test)", found[:MAX_NAMES], DataError)
    return names
