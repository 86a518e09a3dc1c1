"""The zoo: networks that come with the package, one JSON file each."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """What the networks are called, in order."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def file_of(name: str) -> Path:
    """The file of the network called so."""
    return FOLDER / f"{name}.json"


def card(name: str) -> dict[str, Any]:
    """What the file says of the network: task, sizes, commands, results."""
    return json.loads(file_of(name).read_text())["info"]
