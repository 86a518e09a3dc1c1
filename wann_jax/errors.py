"""What a user's mistake raises: one line that names the field, the rule and the value."""

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any

MAX_LETTERS = 400  # of a value in a message: a stranger's may have any length, and lists in lists
_brief = reprlib.Repr()
_brief.maxlevel, _brief.maxstring, _brief.maxlong, _brief.maxother = 3, MAX_LETTERS, 100, MAX_LETTERS
_brief.maxlist = _brief.maxtuple = _brief.maxdict = _brief.maxset = _brief.maxfrozenset = 20


class WannError(Exception):
    """Base of every error that this package raises on purpose; the command line exits 2 on it."""


class ConfigError(WannError, ValueError):
    """A setting, a name or an argument is wrong."""


class DataError(WannError, ValueError):
    """A file (data set, network, run) is missing, damaged or does not fit."""


class CheckpointError(WannError, RuntimeError):
    """A run directory cannot be written, read or resumed."""


def require(ok: bool, field: str, rule: str, value: Any, error: type[WannError] = ConfigError) -> None:
    """Raises `error` with "`field` must be `rule`; got `value`" unless `ok`; of a long value comes a part."""
    if not ok:
        raise error(f"{field} must be {rule}; got {brief(value)}")


def brief(value: Any) -> str:
    """A value as Python writes it, in one line of at most MAX_LETTERS letters."""
    text = " ".join(_brief.repr(value).splitlines())
    return text if len(text) <= MAX_LETTERS else f"{text[: MAX_LETTERS - 3]}..."


def require_known(field: str, value: Any, known: Iterable[str]) -> None:
    """Raises ConfigError unless the value is one of the known names; it lists them and says which one comes near."""
    names = list(known)
    if value not in names:
        raise ConfigError(unknown(field, value, names))


def unknown(field: str, value: Any, known: Iterable[str]) -> str:
    """What there is to say of a name that nobody knows."""
    names = list(known)
    return f"{field} must be one of {', '.join(names)}; got {brief(value)}{did_you_mean(value, names)}"


def did_you_mean(value: Any, known: Iterable[str]) -> str:
    """The known name that comes nearest, if one comes near, as a question."""
    near = difflib.get_close_matches(str(value), list(known), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""
