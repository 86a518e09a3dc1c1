"""What a user's mistake raises: one line that names the field, the rule and the value."""

from typing import Any


class WannError(Exception):
    """Base of every error that this package raises on purpose; the command line exits 2 on it."""


class ConfigError(WannError, ValueError):
    """A setting, a name or an argument is wrong."""


class DataError(WannError, ValueError):
    """A file (data set, network, run) is missing, damaged or does not fit."""


class CheckpointError(WannError, RuntimeError):
    """A run directory cannot be written, read or resumed."""


def require(ok: bool, field: str, rule: str, value: Any, error: type[WannError] = ConfigError) -> None:
    """Raises `error` with "`field` must be `rule`; got `value`" unless `ok`."""
    if not ok:
        raise error(f"{field} must be {rule}; got {value!r}")
