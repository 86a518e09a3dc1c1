"""Templates and scripts become one file: no network is asked, and the page's own rules forbid it.

In: facts. Out: a file that appears whole or not at all.
"""

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from wann_jax.files import strict_json, write_atomically

ASSETS = Path(__file__).parent / "assets"


def write(path: Path, template: str, facts: dict[str, Any]) -> Path:
    """Writes the page of a template. Raises OSError if the file cannot be written."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"short": _short, "shade": _shade}
    environment.globals |= {"asset": _asset, "json_of": _json_of}
    write_atomically(path, environment.get_template(template).render(facts))
    return path


def _asset(name: str) -> Markup:
    """A script or style of the package, as it is."""
    return Markup((ASSETS / name).read_text())


def _json_of(value: Any) -> Markup:
    """Data within a script element: nothing in it can end the element."""
    return Markup(strict_json(value).replace("<", "\\u003c"))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def _shade(share: float | None) -> str:
    """The background of a cell, by a share of 1."""
    return "transparent" if share is None else f"rgba(31, 95, 168, {0.55 * max(share, 0.0) ** 2:.3f})"
