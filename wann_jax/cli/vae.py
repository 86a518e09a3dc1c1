"""`wann train-vae`.

In: arguments. Out: a directory with an encoder, a decoder, figures and pictures.
"""

import dataclasses
import sys
from pathlib import Path

import tyro

from wann_jax.cli.parsing import parse
from wann_jax.errors import require
from wann_jax.files import strict_json
from wann_jax.runs.vae_training import VaeRun, train_to_end, write_parts
from wann_jax.vae.config import VaeConfig


@dataclasses.dataclass(frozen=True)
class TrainVaeCommand:
    """Train the encoder in front of the car: poses along random tracks and drives, drawn anew in every round."""

    vae: tyro.conf.OmitArgPrefixes[VaeConfig] = dataclasses.field(default_factory=VaeConfig)
    seed: int = 0
    """Same seed, same result."""
    out: Path = Path("runs/vae")
    """Directory to write."""
    resume: bool = False
    """Go on with the training in that directory, exactly where it was; its settings hold."""


def run_train_vae(args: list[str]) -> int:
    """`wann train-vae`; the exit status."""
    command = parse(TrainVaeCommand, "train-vae", args)
    command.vae.check()
    if command.resume:
        alone = command.vae == VaeConfig() and command.seed == TrainVaeCommand.seed
        require(alone, "settings", "left out with --resume, the directory's hold", " ".join(args))
    run = VaeRun.open(command.out) if command.resume else VaeRun.create(command.out, command.vae, command.seed)
    state, came = train_to_end(run, run.load())
    if came:
        print(
            f"stopped after step {int(state.step)}; go on with: wann train-vae --resume --out {run.path}",
            file=sys.stderr,
        )
        return 128 + came
    print(strict_json(write_parts(run, state)))
    print(f"written: {run.path}")
    return 0
