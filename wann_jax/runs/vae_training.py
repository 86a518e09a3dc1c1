"""Trains a VAE in a directory: files, checkpoints, progress, Ctrl-C.

    settings.json                what was asked for
    metrics.jsonl                one row per round: losses, and figures on held-out tracks
    checkpoint.msgpack           the state after the last good round
    encoder.npz decoder.npz      the trained parts
    figures.json                 how good the files are
    reconstruction.png           held-out frames over what the decoder makes of them

In: a directory and settings. Out: these files.
"""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import serialization

import wann_jax.version
from wann_jax.errors import CheckpointError, ConfigError, require
from wann_jax.evolution.progress import StepProgress
from wann_jax.files import strict_json, write_atomically
from wann_jax.report.vae import PER_ROW, save_pairs
from wann_jax.runs.directory import make_directory
from wann_jax.tasks.interrupts import until_interrupted
from wann_jax.vae.config import VaeConfig
from wann_jax.vae.files import load_decoder, load_encoder, save_part
from wann_jax.vae.frames import Frames
from wann_jax.vae.judging import held_out_frames, judge, reconstruct
from wann_jax.vae.training import TrainState, init_state, round_frames, run_round

FORMAT, VERSION = "wann_jax.vae_training", 1
SETTINGS, METRICS, CHECKPOINT = "settings.json", "metrics.jsonl", "checkpoint.msgpack"
FIGURES, PICTURE = "figures.json", "reconstruction.png"
_PAIRS = 2 * PER_ROW  # in the picture


@dataclasses.dataclass(frozen=True)
class VaeRun:
    """A directory and what is trained in it."""

    path: Path
    config: VaeConfig
    seed: int

    @classmethod
    def create(cls, path: Path, config: VaeConfig, seed: int) -> "VaeRun":
        """A new one. Raises CheckpointError if the directory holds anything, or cannot be made."""
        require(0 <= seed < 2**63, "seed", "between 0 and 2**63 - 1", seed)
        make_directory(path, "--resume goes on with a training")
        run = cls(path, config, seed)
        run.write_settings()
        return run

    @classmethod
    def open(cls, path: Path) -> "VaeRun":
        """An existing one. Raises CheckpointError if it is none, or damaged."""
        found = (path / SETTINGS).is_file()
        require(found, "out", f"a directory that holds a VAE's training ({SETTINGS})", str(path), CheckpointError)
        try:
            document = json.loads((path / SETTINGS).read_text())
            kind = (document["format"], document["version"])
            require(kind == (FORMAT, VERSION), "format of the training", str((FORMAT, VERSION)), kind, CheckpointError)
            config = VaeConfig(**document["config"])
            config.check()
            return cls(path, config, int(document["seed"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{path / SETTINGS} must be a training's settings; got {error!r}") from None

    def write_settings(self) -> None:
        """Writes settings.json."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "wann_jax": wann_jax.version.__version__,
            "jax": jax.__version__,
        }
        document |= {"seed": self.seed, "config": dataclasses.asdict(self.config)}
        write_atomically(self.path / SETTINGS, strict_json(document, indent=2) + "\n")

    def save(self, state: TrainState) -> None:
        """Writes the checkpoint, whole or not at all."""
        partial = self.path / f"{CHECKPOINT}.partial"
        partial.write_bytes(serialization.to_bytes(jax.device_get(state)))
        partial.replace(self.path / CHECKPOINT)

    def load(self) -> TrainState:
        """The last checkpoint, or a fresh state if there is none. Raises CheckpointError if it does not fit."""
        fresh = init_state(self.config, self.seed)
        path = self.path / CHECKPOINT
        if not path.exists():
            return fresh
        try:
            plain = jax.tree.map(jnp.asarray, serialization.msgpack_restore(path.read_bytes()))
            state = serialization.from_state_dict(fresh, plain)
            same = jax.tree.map(lambda one, other: np.shape(one) == np.shape(other), state, fresh)
            require(all(jax.tree.leaves(same)), "checkpoint", "of the sizes in the settings", "others", CheckpointError)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            text = " ".join(str(error).split())[:120]
            raise CheckpointError(f"checkpoint {path} cannot be read: {text}") from None
        return state


def train_to_end(run: VaeRun, state: TrainState) -> tuple[TrainState, int]:
    """Trains until the last step, or until a signal, after the round in flight; that signal's number, 0 for the end.

    Raises ConfigError when the loss is no number any more; the checkpoint before that round stays.
    """
    config = run.config
    held_out = held_out_frames(config, run.seed)
    _cut_metrics(run.path / METRICS, int(state.step))
    rounds_left = -(-(config.steps - int(state.step)) // config.round_steps)
    with until_interrupted() as came, StepProgress("round", rounds_left) as progress:
        while int(state.step) < config.steps and not came():
            state, row = _one_round(run, state, held_out)
            run.save(state)
            with (run.path / METRICS).open("a") as file:
                file.write(strict_json(row) + "\n")
            _draw(run.path / PICTURE, state.params, held_out)
            progress.advance(
                f"step {row['step']}  squared error {row['reconstruction']:.1f}  "
                f"R2 of offset {row['r2_offset']:.3f}, heading {row['r2_heading']:.3f}  "
                f"{row['frames_per_second']:.0f} frames/s"
            )
    return state, 0 if int(state.step) >= config.steps else came()


def _one_round(run: VaeRun, state: TrainState, held_out: Frames) -> tuple[TrainState, dict[str, Any]]:
    config, first, began = run.config, int(state.step), time.perf_counter()
    steps = min(config.round_steps, config.steps - first)
    pixels = round_frames(config, run.seed, first)
    drawn = time.perf_counter()
    state, losses = run_round(state, pixels, config, run.seed, steps)
    losses = jax.device_get(losses)
    bad = np.flatnonzero(~np.isfinite(losses.reconstruction + losses.divergence))
    if bad.size:
        raise ConfigError(
            f"vae.learning_rate must be small enough that the loss stays a number; got {config.learning_rate}: "
            f"none in step {first + int(bad[0]) + 1}; what was good until step {first} is kept in {run.path}"
        )
    trained = time.perf_counter()
    row = {
        "step": first + steps,
        "training_reconstruction": float(losses.reconstruction.mean()),
        "training_divergence": float(losses.divergence.mean()),
        **judge(state.params, held_out),
        "seconds_of_drawing": round(drawn - began, 3),
        "seconds_of_training": round(trained - drawn, 3),
        "frames_per_second": steps * config.batch_size / (trained - began),
    }
    return state, row


def write_parts(run: VaeRun, state: TrainState) -> dict[str, Any]:
    """Writes encoder, decoder and figures; gives the figures, of the parameters and of the files."""
    held_out = held_out_frames(run.config, run.seed)
    params = jax.device_get(state.params)
    figures: dict[str, Any] = {"step": int(state.step), "in float32": judge(params, held_out)}
    info = {"wann_jax": wann_jax.version.__version__, "seed": run.seed, "step": int(state.step)}
    info |= {"config": dataclasses.asdict(run.config), "held_out": figures["in float32"]}
    for part in ("encoder", "decoder"):
        save_part(run.path / f"{part}.npz", part, params[part], info)
        figures[f"{part}_parameters"] = sum(leaf.size for leaf in jax.tree.leaves(params[part]))
        figures[f"{part}_bytes"] = (run.path / f"{part}.npz").stat().st_size
    kept = {"encoder": load_encoder(run.path), "decoder": load_decoder(run.path)}
    figures["of the files"] = judge(kept, held_out)
    _draw(run.path / PICTURE, kept, held_out)
    write_atomically(run.path / FIGURES, strict_json(figures, indent=1) + "\n")
    return figures


def _draw(path: Path, params: Any, held_out: Frames) -> None:
    """Frames spread over poses and drives."""
    count = held_out.pixels.shape[0]
    chosen = np.linspace(0, count - 1, min(_PAIRS, count)).astype(int)
    frames = held_out.pixels[chosen]
    save_pairs(path, np.asarray(frames), np.asarray(reconstruct(params, frames)))


def _cut_metrics(path: Path, step: int) -> None:
    """Drops rows after `step`, and a last one that was only half written."""
    whole, _, _ = path.read_text().rpartition("\n") if path.exists() else ("", "", "")
    rows = [line for line in whole.splitlines() if json.loads(line)["step"] <= step]
    write_atomically(path, "".join(line + "\n" for line in rows))
