"""Any gymnax environment, with presets that suit the walker and the car under the names that gymnax knows them by."""

import dataclasses
from typing import Any

from wann_jax.tasks.known import biped, carracing, swingup
from wann_jax.tasks.known.options import ControlOptions
from wann_jax.tasks.labels import Labels
from wann_jax.tasks.registry import Preset, TaskSpec, register

FAMILY = "gymnax"
LABELS = {
    "Acrobot-v1": Labels(("cos θ₁", "sin θ₁", "cos θ₂", "sin θ₂", "θ̇₁", "θ̇₂"), ("torque -1", "0", "torque +1")),
    "BipedalWalker-v3": biped.LABELS,
    "CartPole-v1": Labels(("x", "ẋ", "θ", "θ̇"), ("left", "right")),
    "CartPoleSwingUp-v0": swingup.LABELS,
    "MountainCar-v0": Labels(("x", "ẋ"), ("left", "rest", "right")),
    "MountainCarContinuous-v0": Labels(("x", "ẋ"), ("force",)),
    "Pendulum-v1": Labels(("cos θ", "sin θ", "θ̇"), ("torque",)),
}


def make(argument: str, options: ControlOptions) -> Any:
    """A task of the environment called so. Raises ConfigError if there is none, DataError if its data are missing."""
    from wann_jax.tasks.control import gymnax_task

    return gymnax_task(f"{FAMILY}:{argument}", argument, options.max_steps)


def labels(argument: str) -> Labels:
    """Of the classics."""
    return LABELS.get(argument, Labels())


ANY = TaskSpec(
    name=f"{FAMILY}:NAME",
    summary="any gymnax environment with a box observation and a discrete or box action",
    factory=make,
    options=ControlOptions,
    presets=swingup.PRESETS,
    labels=labels,
)
# The car's other options are of its encoder, which the bare environment has none of.
_CAR = {name: Preset(preset.search) for name, preset in carracing.PRESETS.items()}
register(
    ANY,
    dataclasses.replace(
        ANY,
        name=f"{FAMILY}:BipedalWalker-v3",
        presets=biped.PRESETS,
        is_listed=False,
    ),
    dataclasses.replace(ANY, name=f"{FAMILY}:CarRacing-v3", presets=_CAR, is_listed=False),
)
