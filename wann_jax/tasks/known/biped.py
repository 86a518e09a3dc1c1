"""The bipedal walker, as in the paper's search: a fall ends the episode and costs nothing more."""

from typing import Any

from wann_jax.tasks.known.options import GROWTH, MAGNITUDES, ControlOptions
from wann_jax.tasks.labels import Labels
from wann_jax.tasks.registry import Preset, TaskSpec, register

PRESETS = {
    "quick": Preset(
        dict(
            population_size=64,
            generations=20,
            episodes=1,
            tournament_size=8,
            initial_connection_probability=0.25,
            champion_episodes=8,
        )
    ),
    "laptop": Preset(
        dict(
            population_size=384,
            generations=1024,
            episodes=1,
            tournament_size=4,
            elite_fraction=0.05,
            simplicity_probability=0.0,
            graded_depth=2,  # clipped linear policies: they walk at any magnitude of the weight
            **MAGNITUDES,
            **GROWTH,
            initial_connection_probability=0.25,
            champion_episodes=16,
        ),
        dict(max_steps=400),  # a quarter: who walks that far walks on
    ),
    "best": Preset(
        dict(
            population_size=480,
            generations=2048,
            episodes=4,
            tournament_size=8,
            simplicity_probability=0.5,
            graded_depth=2,
            **MAGNITUDES,
            initial_connection_probability=0.25,
        )
    ),
    "paper": Preset(
        dict(
            population_size=480,
            generations=2048,
            episodes=4,
            tournament_size=16,
            initial_connection_probability=0.25,
        )
    ),
}

_JOINTS = ("hip 1", "knee 1", "hip 2", "knee 2")
LABELS = Labels(
    (
        *("hull angle", "hull speed", "speed x", "speed y"),
        *("hip 1", "hip 1 speed", "knee 1", "knee 1 speed", "foot 1"),
        *("hip 2", "hip 2 speed", "knee 2", "knee 2 speed", "foot 2"),
        *(f"lidar {ray}" for ray in range(10)),
    ),
    _JOINTS,
)

PUBLISHED = {
    "random weights": "-46 ± 54",
    "random shared weight": "51 ± 108",
    "tuned shared weight": "261 ± 58",
    "tuned weights": "332 ± 1",
}


def make(argument: str, options: ControlOptions) -> Any:
    """The walker without the penalty for a fall."""
    from wann_jax.envs import BIPEDAL_WALKER
    from wann_jax.tasks.control import gymnax_task

    return gymnax_task("biped", BIPEDAL_WALKER, options.max_steps, fall_penalty=0.0)


register(
    TaskSpec(
        name="biped",
        summary="bipedal walker, 24 inputs, 4 outputs, 1600 steps; a fall ends the episode and costs nothing more",
        factory=make,
        options=ControlOptions,
        presets=PRESETS,
        labels=lambda argument: LABELS,
        published=PUBLISHED,
    )
)
