"""The backend is the one of the platform that a program is lowered for."""

from unittest import mock

import jax
import jax.numpy as jnp
import pytest

import wann_jax as wann
from tests.helpers import kernels
from wann_jax.evolution.generation import run_generations
from wann_jax.evolution.loop import start
from wann_jax.kernels import choosing
from wann_jax.tasks import lanes


def blocks_and_program(platform):
    """The sizes of blocks that a swing-up generation is made of while it is traced, and its text for the platform."""
    task = wann.make_task("swingup", max_steps=10)
    settings = dict(population_size=64, tournament_size=4, champion_candidates=2, champion_episodes=1, generations=1)
    config = wann.SearchConfig.preset("swingup", "quick", **settings)
    state = start(task, config, 0)
    jax.clear_caches()
    with mock.patch.object(lanes, "over_blocks", wraps=lanes.over_blocks) as blocks:
        traced = run_generations.trace(config, state, task, jnp.int32(1))
    program = traced.lower(lowering_platforms=(platform,))
    networks = jax.eval_shape(lambda: wann.ask(state))
    num_lanes = len(config.shared_weights) * config.episodes
    return {call.args[2] for call in blocks.call_args_list}, program.as_text(), networks, num_lanes


@pytest.mark.parametrize(("platform", "is_native"), [("cpu", True), ("cuda", False)])
def test_a_program_holds_the_kernels_of_its_platform(platform, is_native):
    with kernels("native"):
        sizes, text, networks, num_lanes = blocks_and_program(platform)
        assert [name in text for name in ("wann_forward_lanes", "wann_")] == [is_native, is_native]
        wanted = {backend.individuals_per_block(networks, num_lanes) for backend in (choosing.NATIVE, choosing.XLA)}
        assert wanted <= sizes  # both are traced, each with blocks of its own
        assert len(wanted) == 2
        block = f"tensor<{choosing.XLA.individuals_per_block(networks, num_lanes)}x{num_lanes}xf32>"
        assert (block in text) != is_native
