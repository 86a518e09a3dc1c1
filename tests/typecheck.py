"""The type checker of the tests: beartype, except for constructors that must take anything.

- JAX rebuilds a Genome or Network through its constructor, with shapes, sentinels or shardings for leaves. Such calls
  come from inside JAX and are let through; a constructor call or `.replace` of our own is checked.
- Dataclasses without arrays hold what a user has typed: they answer wrong values themselves, with a ConfigError.
"""

import functools
import sys

import jax
from beartype import beartype
from jaxtyping import AbstractArray

_MACHINERY = tuple(f"{name}." for name in ("jaxtyping", "beartype", "functools", __name__))


def check(function):
    if function.__name__ != "__init__":
        return beartype(function)
    hints = function.__annotations__.values()
    if not any(isinstance(hint, type) and issubclass(hint, AbstractArray) for hint in hints):
        return function
    checked = beartype(function)

    @functools.wraps(checked)
    def check_unless_rebuilding(*args, **kwargs):
        return None if _called_from_jax() else checked(*args, **kwargs)

    return check_unless_rebuilding


def _called_from_jax() -> bool:
    frame = sys._getframe(1)
    while f"{frame.f_globals.get('__name__', '')}.".startswith(_MACHINERY):
        frame = frame.f_back
    return f"{frame.f_globals.get('__name__', '')}.".startswith(f"{jax.__name__}.")
