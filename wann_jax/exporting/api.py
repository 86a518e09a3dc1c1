"""Writes a network in the format that a file's name ends in.

In: a network, or where one is, and a path. Out: the file, whole, or one error before anything is written.
"""

import importlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wann_jax.errors import CheckpointError, ConfigError, require
from wann_jax.exporting.model import Model, model_of
from wann_jax.files import StrPath, write_atomically
from wann_jax.networks.network import Network


class Format(NamedTuple):
    """A kind of file."""

    suffix: str
    text: str  # what it is, for people
    module: str  # of this room; its `render` gives the content
    extra: str | None = None  # of the package, and the module that it brings
    most_connections: int | None = None


# Longer suffixes before those that they end in.
FORMATS = (
    Format(".pt.py", "a PyTorch module", "torch_code"),
    Format(".py", "a Python module that needs NumPy only", "numpy_code"),
    Format(".c", "a C function", "c_code", most_connections=20_000),  # half a minute of a compiler; it gets worse
    Format(".onnx", "an ONNX graph", "onnx_graph", extra="onnx"),
    Format(".tex", "formulas in LaTeX", "latex", extra="sympy", most_connections=300),  # who would read more?
    Format(".out", "a matrix in the original's format", "original"),
)


def export(
    network: Network | StrPath,
    path: StrPath,
    task: str | None = None,
    weights: Float[np.ndarray, "C"] | None = None,
    shared: bool = False,
) -> None:
    """Writes a network for use elsewhere: as a program, a graph, formulas or a matrix.

    Args:
        network: one compiled network, or where one is: a file, a run directory, a name of the zoo.
        path: the new file. Its ending names the format: .py (NumPy), .pt.py (PyTorch), .c, .onnx, .tex or .out.
        task: the name of the task whose words inputs and outputs get; default: the one that the file names.
        weights: one for each connection [C], written into the file; default: those that are in the network's file.
        shared: leave a file's own weights out: the shared weight is an argument.

    Raises:
        ConfigError: for an unknown ending, a missing extra, weights of a wrong shape, or a network that is too large
            for the format.
        DataError: for whatever is wrong with the network's file.
        CheckpointError: if the new file exists already or cannot be written.

    Source: wann_jax/networks/FORMAT.md tells the formats.
    """
    check_path(path)
    write(model_of(network, task, weights, shared), path)


def format_of(path: StrPath) -> Format:
    """The format that the name ends in. Raises ConfigError for none of them, or if its extra is missing."""
    name = Path(path).name
    found = next((each for each in FORMATS if name.endswith(each.suffix) and name != each.suffix), None)
    if found is None:
        rule = f"a name that ends in {', '.join(each.suffix for each in FORMATS)}"
        raise ConfigError(f"path must be {rule}; got {str(path)!r}")
    if found.extra:
        try:
            importlib.import_module(found.extra)
        except ImportError:
            rule = f"no {found.suffix} without the extra {found.extra} (pip install '.[{found.extra}]')"
            raise ConfigError(f"path must be {rule}; got {str(path)!r}") from None
    return found


def check_path(path: StrPath) -> None:
    """Raises ConfigError or CheckpointError unless a file can be written there, in a format that is known."""
    format_of(path)
    place = Path(path)
    require(not place.exists(), "path", "a new file, nothing is overwritten", str(path), CheckpointError)
    require(place.parent.is_dir(), "path", "in a directory that exists", str(path), CheckpointError)


def write(model: Model, path: StrPath) -> None:
    """Writes a model. Raises ConfigError if it is too large for the format, CheckpointError if that fails."""
    kind, count = format_of(path), model.num_connections
    most = kind.most_connections or count
    require(count <= most, "network", f"one of at most {most} connections for a {kind.suffix} file", count)
    content = importlib.import_module(f"wann_jax.exporting.{kind.module}").render(model)
    try:
        write_atomically(Path(path), content)
    except OSError as error:
        raise CheckpointError(f"{str(path)!r} cannot be written: {error}") from None
