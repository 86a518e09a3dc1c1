"""How objects of low rooms show themselves: by functions of higher rooms, imported when they are first asked for.

In: the name of such a function. Out: the function. A search that draws nothing imports no matplotlib for it.
"""

import importlib
from collections.abc import Callable
from typing import Any

# Where what shows something is; this file imports none of it before that.
_MODULES = {
    "html_of": "wann_jax.pages.cards",
    "plot_search": "wann_jax.report.plots",
}


def shown_by(name: str) -> Callable[..., Any]:
    """The function of that name."""
    function: Callable[..., Any] = getattr(importlib.import_module(_MODULES[name]), name)
    return function


def html_of(thing: Any) -> str:
    """What a notebook shows of a thing: the `_repr_html_` of its class."""
    html: str = shown_by("html_of")(thing)
    return html
