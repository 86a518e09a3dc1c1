"""Settings of the VAE's training, checked.

In: names and numbers from a user. Out: a `VaeConfig`.
"""

import dataclasses
import math
from typing import Any

from wann_jax.errors import require
from wann_jax.vae.model import PAPER_LATENTS

MAX_WIDTH = 256  # four million parameters and more in each part


@dataclasses.dataclass(frozen=True)
class VaeConfig:
    """How the VAE is trained. Every frame is seen once: each round draws new tracks and new frames."""

    steps: int = 3000  # updates
    batch_size: int = 64  # frames for each
    learning_rate: float = 1e-3  # of Adam, at its highest: rises over the first tenth, then falls along a cosine to 0
    clip_norm: float = 100.0  # of the gradient; 0: no clipping
    divergence_weight: float = 1.0  # in the loss, beside the squared error (the reference's: 1)
    latents: int = PAPER_LATENTS  # numbers that a frame becomes: inputs of the networks
    width: int = 16  # channels of the encoder's first layer (the paper's: 32)
    decoder_width: int = 16  # channels of the decoder's last layer but one (the paper's: 32)
    round_steps: int = 50  # updates between new tracks; also between looks, pictures and checkpoints
    tracks: int = 8  # in every round
    rollout_share: float = 0.5  # of the frames: those of drives; the rest are poses along the tracks
    held_out_tracks: int = 16  # that no training frame comes from
    held_out_frames: int = 1024  # on those, half poses and half drives

    def check(self) -> None:
        """Raises ConfigError on the first setting that breaks a rule."""
        whole = {
            "steps": 2**31 - 1,
            "batch_size": 2**16,
            "latents": 1024,
            "width": MAX_WIDTH,
            "decoder_width": MAX_WIDTH,
        }
        whole |= {"round_steps": 10_000, "tracks": 256, "held_out_tracks": 256, "held_out_frames": 2**16}
        for name, most in whole.items():
            value = getattr(self, name)
            fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most
            require(fits, f"vae.{name}", f"a whole number between 1 and {most}", value)
        least = 4 * self.latents  # a linear probe of fewer frames than that fits noise
        require(
            self.held_out_frames >= least,
            "vae.held_out_frames",
            f"at least {least}, four times the latents",
            self.held_out_frames,
        )
        _check_number("learning_rate", self.learning_rate, "finite and above 0", 0 < self.learning_rate < math.inf)
        _check_number("clip_norm", self.clip_norm, "finite and at least 0", 0 <= self.clip_norm < math.inf)
        weight = self.divergence_weight
        _check_number("divergence_weight", weight, "finite and at least 0", 0 <= weight < math.inf)
        _check_number("rollout_share", self.rollout_share, "between 0 and 1", 0 <= self.rollout_share <= 1)


def _check_number(name: str, value: Any, rule: str, holds: bool) -> None:
    require(isinstance(value, (int, float)) and holds, f"vae.{name}", rule, value)
