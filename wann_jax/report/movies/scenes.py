"""Episodes in files: a moving picture, or some moments side by side.

In: a `Scene`, which can draw each of its steps. Out: a GIF, an MP4 (encoding.py) or a PNG.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase

from wann_jax.errors import require
from wann_jax.files import write_atomically
from wann_jax.report.movies import encoding

PICTURE = ".png"
_FRAME_MILLISECONDS = 40
_MOST_FRAMES = 300
_DPI = 80
_WIDEST = 6.0  # inches, of what stands in two columns


class Scene(NamedTuple):
    """An episode as something to look at."""

    length: int  # steps
    size: tuple[float, float]  # inches of one moment, width and height: multiples of 1 / 40 (encoding.py)
    draw: Callable[[FigureBase, int], None]  # one step, into an empty figure or a part of one


def check_ending(field: str, path: Path) -> None:
    """Raises ConfigError, which names the field, unless a scene can be saved under this name."""
    kinds = (".gif", ".mp4", PICTURE)
    require(path.suffix in kinds, field, f"a name that ends in {', '.join(kinds)}", str(path))


def save(path: Path, scene: Scene, moments: int = 6) -> None:
    """Writes a file, whole or not at all; `moments`: how many a PNG shows.

    Raises ConfigError for an ending that is none of a picture's, OSError if the file cannot be written.
    """
    check_ending("path", path)
    with tempfile.TemporaryDirectory() as folder:
        partial = Path(folder) / path.name
        if path.suffix == PICTURE:
            strip(scene, moments).savefig(partial, dpi=_DPI)
        else:
            encoding.save_movie(partial, (frame(scene, step) for step in steps_of(scene)), _FRAME_MILLISECONDS)
        write_atomically(path, partial.read_bytes())


def steps_of(scene: Scene) -> range:
    """The steps that a moving picture shows: every second one, or fewer."""
    return range(0, scene.length, max(2, -(-scene.length // _MOST_FRAMES)))


def frame(scene: Scene, step: int) -> np.ndarray:
    """One step in pixels [H, W, 3]."""
    figure = Figure(figsize=scene.size, dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    scene.draw(figure, step)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def strip(scene: Scene, moments: int) -> Figure:
    """Moments, evenly spaced, the first and the last among them."""
    columns = 2 if scene.size[0] <= _WIDEST else 1
    rows = -(-moments // columns)
    figure = Figure(figsize=(columns * scene.size[0], rows * scene.size[1]))
    FigureCanvasAgg(figure)
    parts = figure.subfigures(rows, columns, squeeze=False).ravel()
    for part, step in zip(parts, np.linspace(0, scene.length - 1, moments).round().astype(int).tolist(), strict=False):
        scene.draw(part, step)
    return figure
