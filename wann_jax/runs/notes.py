"""What a folder held when it was written: the hashes of its files, in one file more.

In: a folder. Out: its note; later, the first file that is no longer the same. What parses a damaged file may do
anything: with a note, nothing damaged is parsed.
"""

import hashlib
import json
from pathlib import Path

from wann_jax.files import MOST_TEXT_BYTES, read_bytes, strict_json, write_atomically

NOTE_FILE = "sha256.json"


def write(folder: Path) -> None:
    """Notes the hashes of all files in a folder. Raises OSError."""
    write_atomically(folder / NOTE_FILE, strict_json(_hashes(folder), indent=1) + "\n")


def fault(folder: Path) -> str | None:
    """The first file that is not as the note says, or the note itself; None if all are, or there is no note."""
    note = folder / NOTE_FILE
    if not note.exists():
        return None
    try:
        wanted = json.loads(read_bytes(note, MOST_TEXT_BYTES))
        found = _hashes(folder)
        return next((name for name in sorted({*wanted, *found}) if wanted.get(name) != found.get(name)), None)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return NOTE_FILE


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != NOTE_FILE)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
