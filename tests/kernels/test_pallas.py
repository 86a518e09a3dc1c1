"""The kernels in Pallas, interpreted: places of values, and whole episodes. test_forward.py has their outputs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import FEW_INPUTS, LAYOUTS, kernels, pool
from wann_jax.errors import ConfigError
from wann_jax.kernels import choosing
from wann_jax.kernels.backend import LaneEpisodes
from wann_jax.kernels.lane_arrays import NotLanewiseError
from wann_jax.kernels.losses import CrossEntropy
from wann_jax.kernels.pallas.episodes import whole_episodes
from wann_jax.kernels.pallas.program import program_of
from wann_jax.networks.compiling import express
from wann_jax.strictness import loose_types

WEIGHTS = jnp.asarray([-1.5, 0.7])
express_pool = jax.jit(jax.vmap(express))


@LAYOUTS
def test_a_place_holds_a_value_until_its_last_reader(spec):
    networks = express_pool(pool(spec))
    program, networks = jax.tree.map(np.asarray, (jax.jit(program_of)(networks), networks))
    first = networks.spec.first_row_slot
    saved = 0
    for network, num_rows in enumerate(networks.num_rows.tolist()):
        held = {}
        for row in range(num_rows):
            for slot, source in zip(networks.row_source[network, row], program.sources[network, row], strict=True):
                assert source == -slot if slot < first else held[source - 1] == slot - first
            held[program.places[network, row]] = row
        outputs = [held[place] for place in program.outputs[network].tolist()]
        assert outputs == (networks.output_slot[network] - first).tolist()
        saved += num_rows - len(held)
    assert saved > 0.3 * networks.num_rows.sum()


def rollout(kernel, task, networks, episodes=3):
    # Acrobot gives the lanes of an episode the same key, on purpose.
    with kernels(kernel), loose_types(), jax.debug_key_reuse(False):
        run = jax.jit(lambda task, networks: task.rollout(networks, WEIGHTS, jax.random.key(1), episodes))
        return run(task, networks)


def networks_for(task):
    genomes = pool(FEW_INPUTS)
    spec = wann.GenomeSpec.for_task(task.num_inputs, task.num_outputs, genomes.spec.hidden_activations, 32)
    return express_pool(
        wann.init(jax.random.key(3), wann.SearchConfig(population_size=4, tournament_size=2), spec).genomes
    )


@pytest.mark.parametrize("kernel", ["pallas", "accelerator"])
@pytest.mark.parametrize(
    "name", ["swingup", "gymnax:Pendulum-v1", "gymnax:CartPole-v1", "gymnax:MountainCar-v0", "gymnax:Acrobot-v1"]
)
def test_episodes_are_those_of_steps(name, kernel):
    task = wann.make_task(name)
    limit = 40 if name == "gymnax:CartPole-v1" else 12  # poles fall within 40
    task = task.replace(env_params=task.env_params.replace(max_steps_in_episode=limit))
    networks = networks_for(task)
    returns, steps = rollout(kernel, task, networks)
    wanted, wanted_steps = rollout("xla", task, networks)
    np.testing.assert_array_equal(steps, wanted_steps)
    np.testing.assert_allclose(returns, wanted, rtol=1e-3, atol=1e-4)
    assert (steps < 6 * limit).any() == (name == "gymnax:CartPole-v1")


def test_whole_episodes_run_where_nothing_is_random_and_only_there():
    def kinds(name):
        task = wann.make_task(name)
        networks, begun = networks_for(task), task.begin(jax.random.key(0), 2)
        run = partial(whole_episodes, networks, jnp.ones(4), task.lane(begun))
        with kernels("pallas"), loose_types():
            return jax.eval_shape(run)

    assert [leaf.shape for leaf in kinds("swingup")] == [(4, 4), (4,)]
    with pytest.raises(NotLanewiseError, match="random"):
        kinds("gymnax:Acrobot-v1")


def test_states_of_all_kinds_are_carried():
    """Fractions, whole numbers and truth values; the number of the episode is the lane's modulo R."""
    networks = networks_for(wann.make_task("swingup"))
    start = {"x": jnp.asarray([[1.0, 2.0], [3.0, 4.0]]), "n": jnp.asarray([5, 6]), "odd": jnp.asarray([True, False])}

    def step(gain, state, outputs):
        state = {"x": state["x"] + gain, "n": state["n"] + 2, "odd": ~state["odd"]}
        reward = state["x"].sum() + state["n"].astype(jnp.float32) + jnp.where(state["odd"], 100.0, 0.0)
        return state, reward + 0.0 * outputs[0], state["n"] > 10

    lane = LaneEpisodes(jnp.float32(0.5), start, 3, step, lambda state: jnp.zeros(5) + state["x"][0])
    with kernels("pallas"):
        returns, steps = jax.jit(lambda networks: whole_episodes(networks, jnp.ones(5), lane))(networks)
    # Episode 0: 4+7, 5+9+100, 6+11 and it ends at n = 11; episode 1: 8+8+100, 9+10, 10+12+100.
    np.testing.assert_allclose(returns[0], [142.0, 257.0, 142.0, 257.0, 142.0])
    np.testing.assert_array_equal(steps, np.full(4, 15.0))
    assert choosing.PALLAS.episodes is whole_episodes


def test_a_loss_with_labels_for_other_samples_is_refused():
    networks = express_pool(pool(FEW_INPUTS))
    loss = CrossEntropy(jnp.zeros(6, jnp.int32))
    message = r"^labels must be one for each of the 7 samples; got \(6,\)"
    with kernels("pallas"), pytest.raises(ConfigError, match=message):
        wann.forward_samples(networks, WEIGHTS, jnp.ones((7, 5)), loss)
