"""Real Gymnasium environments, in other processes: the judge of walkers and drivers."""

import dataclasses
from typing import Any

from wann_jax.tasks.known import biped, carracing, gymnax, swingup
from wann_jax.tasks.known.options import ControlOptions
from wann_jax.tasks.registry import Preset, TaskSpec, option, register

FAMILY, CAR = "gymnasium", "CarRacing-v3"


@dataclasses.dataclass(frozen=True)
class CarOptions(ControlOptions):
    """Options of the real car, which networks see through the same encoder as ours."""

    encoder: str | None = option(None, carracing.ENCODER_HELP)


def make(argument: str, options: ControlOptions) -> Any:
    """A task of the environment called so. Raises ConfigError if there is none, or it cannot be used."""
    from wann_jax.tasks.gymnasium_task import GymnasiumTask

    return GymnasiumTask.create(argument, options.max_steps)


def make_car(argument: str, options: CarOptions) -> Any:
    """The real car, seen and driven as the paper's wrapper does. Raises ConfigError without the extra box2d."""
    from wann_jax.tasks import real_car
    from wann_jax.tasks.gymnasium_task import GymnasiumTask
    from wann_jax.vae.files import DEFAULT_NAME, load_encoder

    eye = real_car.Eye(load_encoder(options.encoder or DEFAULT_NAME))
    return GymnasiumTask.create(CAR, options.max_steps, eye, real_car.Controls())


ANY = TaskSpec(
    name=f"{FAMILY}:NAME",
    summary="any environment of Gymnasium's, in other processes; Box2D's with the extra box2d",
    factory=make,
    options=ControlOptions,
    presets=swingup.PRESETS,
    labels=gymnax.labels,
)


def _limited(preset: Preset) -> Preset:
    """The same without options that the real car does not have."""
    return Preset(preset.search, {name: value for name, value in preset.options.items() if name == "max_steps"})


register(
    ANY,
    dataclasses.replace(
        ANY,
        name=f"{FAMILY}:BipedalWalker-v3",
        presets=biped.PRESETS,
        is_listed=False,
    ),
    dataclasses.replace(
        ANY,
        name=f"{FAMILY}:{CAR}",
        factory=make_car,
        options=CarOptions,
        presets={name: _limited(preset) for name, preset in carracing.PRESETS.items()},
        network_options={"encoder": carracing.trained_encoders},
        labels=lambda argument: carracing.LABELS,
        is_listed=False,
    ),
)
