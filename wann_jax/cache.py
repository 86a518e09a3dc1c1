"""Where files that are made or fetched once are kept."""

import os
from pathlib import Path

CACHE_DIR_VARIABLE = "WANN_CACHE_DIR"


def cache_dir() -> Path:
    """$WANN_CACHE_DIR, else the user's cache directory. May not exist yet."""
    import pooch  # here: it is rarely needed

    return Path(os.environ.get(CACHE_DIR_VARIABLE) or pooch.os_cache("wann_jax"))
