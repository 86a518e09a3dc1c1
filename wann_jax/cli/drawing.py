"""`wann draw`.

In: arguments. Out: a picture or a graph in a file.
"""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from wann_jax.cli.parsing import parse
from wann_jax.errors import CheckpointError, require
from wann_jax.report.drawing.api import check_ending, draw


@dataclasses.dataclass(frozen=True)
class DrawCommand:
    """Draw a network: layered from left to right, with its task's names for inputs and outputs."""

    network: tyro.conf.Positional[Path]
    """A run directory, a network file, or a name of the zoo."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """File to write; its ending tells what: .svg, .png, .pdf (pictures), .dot, .graphml (graphs)."""
    task: str | None = None
    """A name from `wann tasks`, for names of inputs and outputs; default: the one that the file names."""
    highlight: str | None = None
    """Name or index of an output: what feeds it stands out; of a large network nothing else is drawn."""
    weights: bool = True
    """Show tuned weights, if the file has them, as widths and colours."""


def run_draw(args: list[str]) -> int:
    """`wann draw`; the exit status."""
    command = parse(DrawCommand, "draw", args)
    out = command.out.expanduser()
    check_ending("out", out)
    require(not out.exists(), "out", "a new file, nothing is overwritten", str(out), CheckpointError)
    drawing = draw(command.network, command.task, None if command.weights else False, command.highlight)
    try:
        drawing.save(out)
    except OSError as error:
        raise CheckpointError(f"out must be a file that can be written; got {str(out)!r}: {error.strerror}") from None
    print(f"written: {out}")
    return 0
