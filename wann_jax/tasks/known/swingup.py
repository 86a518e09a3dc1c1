"""Cart-pole swing-up, as in the paper."""

from typing import Any

from wann_jax.tasks.known.options import ControlOptions
from wann_jax.tasks.labels import Labels
from wann_jax.tasks.registry import Preset, TaskSpec, register

PRESETS = {
    "quick": Preset(
        dict(population_size=32, generations=20, tournament_size=4, elite_fraction=0.05, champion_episodes=8)
    ),
    "laptop": Preset(
        dict(population_size=64, generations=1024, tournament_size=4, elite_fraction=0.05, weight_jitter=0.25)
    ),
    "best": Preset(
        dict(
            population_size=192,
            generations=1024,
            tournament_size=2,
            elite_fraction=0.05,
            simplicity_probability=0.5,
            weight_jitter=0.25,
        )
    ),
    "paper": Preset(dict(population_size=192, generations=1024)),
}

LABELS = Labels(("x", "ẋ", "cos θ", "sin θ", "θ̇"), ("force",))

PUBLISHED = {
    "random weights": "57 ± 121",
    "random shared weight": "515 ± 58",
    "tuned shared weight": "723 ± 16",
    "tuned weights": "932 ± 6",
}


def make(argument: str, options: ControlOptions) -> Any:
    """Cart-pole swing-up."""
    from wann_jax.envs import CARTPOLE_SWINGUP
    from wann_jax.tasks.control import gymnax_task

    return gymnax_task("swingup", CARTPOLE_SWINGUP, options.max_steps)


register(
    TaskSpec(
        name="swingup",
        summary="cart-pole swing-up, 5 inputs, 1 output, 1000 steps",
        factory=make,
        options=ControlOptions,
        presets=PRESETS,
        labels=lambda argument: LABELS,
        published=PUBLISHED,
    )
)
