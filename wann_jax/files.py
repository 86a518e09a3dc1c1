"""Files of strangers, read within bounds; and JSON that every reader takes.

In: a path and a limit. Out: bytes. Only regular files are opened: a pipe would wait for ever, a device never ends.
"""

import contextlib
import csv
import gzip
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from wann_jax.errors import DataError, require

MOST_DATA_BYTES = 2**30  # of a data file, and of what it unpacks to
MOST_TEXT_BYTES = 2**26  # of a network file

CACHE_DIR_VARIABLE = "WANN_CACHE_DIR"

StrPath = str | os.PathLike[str]


def cache_dir() -> Path:
    """Where files that are made or fetched once are kept: $WANN_CACHE_DIR, else the user's cache directory.

    It may not exist yet.
    """
    import pooch  # here: it is rarely needed

    return Path(os.environ.get(CACHE_DIR_VARIABLE) or pooch.os_cache("wann_jax"))


def read_bytes(path: StrPath, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes. Raises OSError if it cannot be read, DataError if it is
    no regular file or too large."""
    source = Path(path)
    size = source.stat().st_size  # of a file that is not there: OSError
    require(source.is_file(), str(path), "a regular file", "a pipe, a device or a directory", DataError)
    require(size <= limit, str(path), f"at most {limit} bytes large", size, DataError)
    with source.open("rb") as file:
        content = file.read(limit + 1)
    require(len(content) <= limit, str(path), f"at most {limit} bytes large", "more", DataError)
    return content


def write_atomically(path: StrPath, content: str | bytes) -> None:
    """Writes a file in one step: a reader, or a crash, of the machine too, never meets half of it. Raises OSError."""
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())  # else the name may be on the disk before the content
        partial.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def unpacked(path: StrPath, content: bytes, limit: int) -> bytes:
    """The content, without gzip's packing if it has that. Raises DataError if it is damaged or unpacks to more than
    `limit` bytes."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            whole = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    require(len(whole) <= limit, str(path), f"at most {limit} bytes large, unpacked", "more", DataError)
    return whole


def npz_arrays(path: StrPath, limit: int, choose: Callable[[list[str]], Iterable[str]]) -> dict[str, np.ndarray]:
    """The arrays of an .npz file that `choose` picks among its names; no objects.

    Raises DataError if file or arrays are larger than `limit` bytes; on damage zipfile, zlib, NumPy and the parser of
    its headers raise anything.
    """
    # An .npz is a zip archive of .npy files; np.load takes a lone .npy as well, and believes what headers say of sizes.
    with zipfile.ZipFile(io.BytesIO(read_bytes(path, limit))) as archive:
        found = {name.removesuffix(".npy"): name for name in archive.namelist()}
        members = {name: archive.getinfo(found[name]) for name in choose([*found])}
        size = sum(member.file_size for member in members.values())
        require(size <= limit, str(path), f"at most {limit} bytes large, unpacked", size, DataError)
        return {
            name: np.lib.format.read_array(io.BytesIO(archive.read(member)), allow_pickle=False)
            for name, member in members.items()
        }


def strict_json(document: Any, indent: int | None = None) -> str:
    """The document as JSON, in which numbers that are not finite are null."""
    return json.dumps(json.loads(json.dumps(document), parse_constant=lambda name: None), indent=indent)


def as_csv(rows: list[dict[str, Any]], with_names: bool = True) -> str:
    """Rows of the same names as CSV; what `strict_json` has as null is empty. Of no rows there is nothing, no name."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, [*rows[0]], lineterminator="\n")
        if with_names:
            writer.writeheader()
        writer.writerows(json.loads(strict_json(rows)))
    return text.getvalue()
