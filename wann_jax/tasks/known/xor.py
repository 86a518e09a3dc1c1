"""Exclusive or, the smallest test."""

from typing import Any

from wann_jax.tasks.labels import Labels
from wann_jax.tasks.registry import NoOptions, Preset, TaskSpec, register


def make(argument: str, options: NoOptions) -> Any:
    """The task; return 1 - mean squared error of the clipped output."""
    from wann_jax.tasks.function import FunctionTask, xor_return

    return FunctionTask(function=xor_return, num_inputs=2, num_outputs=1, name="xor")


register(
    TaskSpec(
        name="xor",
        summary="exclusive or of two bits; return 1 - mean squared error of the clipped output",
        factory=make,
        labels=lambda argument: Labels(("a", "b"), ("a xor b",)),
        presets={
            "quick": Preset(dict(population_size=64, generations=50, episodes=1)),
            "laptop": Preset(dict(population_size=128, generations=200, episodes=1)),
            "best": Preset(dict(population_size=192, generations=500, episodes=1)),
            "paper": Preset(dict(population_size=192, generations=1024, episodes=1)),
        },
    )
)
