"""`wann export`.

In: arguments. Out: a file in another program's format.
"""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from wann_jax.cli.parsing import parse
from wann_jax.exporting.api import check_path, format_of, write
from wann_jax.exporting.model import model_of


@dataclasses.dataclass(frozen=True)
class ExportCommand:
    """Write a network for use elsewhere: Python with NumPy, PyTorch, C, ONNX, LaTeX, the original's matrix."""

    network: tyro.conf.Positional[Path]
    """A run directory, a network file, or a name of the zoo."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """File to write; its ending names the format: .py, .pt.py, .c, .onnx, .tex or .out."""
    task: str | None = None
    """The task whose words inputs and outputs get; default: the one that the network's file names."""
    shared: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Leave the file's own weights out: the shared weight is an argument."""


def run_export(args: list[str]) -> int:
    """`wann export`; the exit status."""
    command = parse(ExportCommand, "export", args)
    check_path(command.out)
    model = model_of(command.network, command.task, shared=command.shared)
    write(model, command.out)
    weights = "a shared weight as argument" if model.weights is None else "weights of its own"
    print(f"{command.out}: {format_of(command.out).text}, {model.num_connections} connections with {weights}")
    return 0
