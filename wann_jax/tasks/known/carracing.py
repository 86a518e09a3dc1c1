"""Car racing from pictures, as in the paper: 64 x 64 pixels through an encoder to 16 inputs."""

import dataclasses
from typing import Any

from wann_jax.tasks.known.options import GROWTH, MAGNITUDES
from wann_jax.tasks.labels import Labels
from wann_jax.tasks.registry import Preset, TaskSpec, option, register

# Judging as often as elsewhere would cost more than the search: frames are dear.
_SPARSE_JUDGING: dict[str, Any] = dict(champion_interval=20, champion_candidates=2, champion_episodes=4)
PRESETS = {
    "quick": Preset(
        dict(population_size=16, generations=10, episodes=1, tournament_size=4, **_SPARSE_JUDGING),
        dict(max_steps=200, encode_interval=4, patience=50),
    ),
    "laptop": Preset(
        dict(
            population_size=64,
            generations=500,
            episodes=1,
            tournament_size=4,
            elite_fraction=0.1,
            simplicity_probability=0.1,
            graded_depth=2,  # clipped linear policies: they drive at any magnitude of the weight
            **MAGNITUDES,
            **GROWTH,
            **_SPARSE_JUDGING,
        ),
        dict(max_steps=500, encode_interval=2, patience=50),
    ),
    "best": Preset(
        dict(
            population_size=192, generations=1024, episodes=2, simplicity_probability=0.5, graded_depth=2, **MAGNITUDES
        )
    ),
    "paper": Preset(dict(population_size=64, generations=1024, episodes=2)),
}
LABELS = Labels(tuple(f"z {index}" for index in range(16)), ("steering", "gas", "brake"))
ENCODER_HELP = "a file or directory of `wann train-vae`, or the name of an encoder that comes with the package"


@dataclasses.dataclass(frozen=True)
class CarOptions:
    """Options of the car's task."""

    max_steps: int = option(1000, "length limit of an episode")
    encoder: str | None = option(None, ENCODER_HELP)
    encode_interval: int = option(1, "steps between looks at the picture")
    patience: int = option(0, "steps without a new tile of the road after which a car is stopped; 0: never")


PUBLISHED = {
    "random weights": "-69 ± 31",
    "random shared weight": "375 ± 177",
    "tuned shared weight": "608 ± 161",
    "tuned weights": "893 ± 74",
}


def trained_encoders() -> list[str]:
    """Names of the encoders that come with the package."""
    from wann_jax.vae.files import trained_names

    return trained_names()


def make(argument: str, options: CarOptions) -> Any:
    """The paper's third control task. Raises ConfigError for numbers out of range, DataError for a bad encoder."""
    from wann_jax.tasks.car_racing import CarRacingTask
    from wann_jax.vae.files import DEFAULT_NAME, load_encoder

    steps = (options.max_steps, options.encode_interval, options.patience)
    return CarRacingTask.create(load_encoder(options.encoder or DEFAULT_NAME), *steps)


register(
    TaskSpec(
        name="carracing",
        summary="car racing from pictures, through an encoder's 16 means, 3 outputs, 1000 steps",
        factory=make,
        options=CarOptions,
        presets=PRESETS,
        labels=lambda argument: LABELS,
        published=PUBLISHED,
        network_options={"encoder": trained_encoders},
    )
)
