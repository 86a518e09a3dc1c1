"""Imitation, in an environment so simple that plain numbers tell what must come out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.walking import STEPS, Walking
from wann_jax.errors import ConfigError
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.networks.layered import Node, Topology, in_lanes
from wann_jax.tasks.demonstrations import demonstrations
from wann_jax.tuning.api import TuneConfig, tune_topology
from wann_jax.tuning.imitation import Imitation

EPISODES = 4


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("by_expert", [False, True])
def test_demonstrations_are_what_plain_numbers_say(stride, by_expert):
    """The network flees from 0, so that it falls; the expert says at each of its places what it would have done."""
    task = Walking(steps_per_action=stride)

    def act(inputs, wanted):
        return wanted if by_expert else 8.0 * inputs[:, 1:]

    found, returns = demonstrations(task, act, jax.random.key(3), EPISODES)
    looks = -(-STEPS // stride)
    place, alive = np.asarray(task.begin(jax.random.key(3), EPISODES)), np.ones(EPISODES, bool)
    wanted, counts, seen, total = [], [], [], np.zeros(EPISODES)
    for _ in range(looks):
        seen.append(np.stack([place + 0.5, 0.5 * place], -1))
        wanted.append(-2.0 * place)
        counts.append(alive)
        action = np.clip(wanted[-1] if by_expert else 4.0 * place, -1.0, 1.0)
        for _ in range(stride):
            place = place + 0.5 * action
            total -= np.where(alive, np.abs(place), 0.0)
            alive = alive & (np.abs(place) < 3.0)
    np.testing.assert_allclose(found.inputs, np.concatenate(seen), atol=1e-5)
    np.testing.assert_allclose(found.wanted[:, 0], np.concatenate(wanted), atol=1e-5)
    np.testing.assert_array_equal(found.counts, np.concatenate(counts))
    np.testing.assert_allclose(returns, total, atol=1e-5)
    assert by_expert or not found.counts.all()


def fleeing():
    """Bias and inputs straight to the output, which is 4 x at first."""
    node = Node(ACTIVATION_IDS["linear"], (0, 1, 2), (0, 1, 2))
    return Topology(2, 3, (node,), (3,)), jnp.array([0.0, 0.0, 8.0])


def test_a_network_learns_from_an_expert_where_it_gets_to_itself():
    topology, start = fleeing()
    config = TuneConfig.for_task(False, "imitation", steps=3, episodes=16, validation_episodes=64)
    result = tune_topology(Walking(), topology, np.asarray(start), "imitation", config)
    seen, _ = demonstrations(Walking(), lambda inputs, wanted: wanted, jax.random.key(9), 64)
    outputs = in_lanes(topology, jnp.asarray(result.weights), seen.inputs)
    errors = jnp.clip(outputs, -1.0, 1.0) - jnp.clip(seen.wanted, -1.0, 1.0)
    assert float(jnp.abs(errors).mean()) < 0.05
    assert result.score > result.start_score + 3.0
    assert [look["work"] for look in result.curve] == [0, 16, 32, 48]


def test_new_rounds_take_the_place_of_the_oldest(monkeypatch):
    monkeypatch.setattr("wann_jax.tuning.imitation._ROUNDS_KEPT", 2)
    topology, start = fleeing()
    method = Imitation(Walking(), topology, TuneConfig.for_task(False, "imitation", steps=5, episodes=EPISODES))
    state, seen = method.init(jax.random.key(0), start), []
    for round_key in jax.random.split(jax.random.key(1), 3):
        state = jax.jit(method.step)(Walking(), round_key, state)
        seen.append(np.asarray(state.seen.inputs).reshape(2, -1))
    assert (seen[0][1] == 0.0).all()
    assert np.abs(state.seen.wanted).max() == 1.0  # what is beyond makes no difference
    np.testing.assert_array_equal(seen[1][0], seen[0][0])
    np.testing.assert_array_equal(seen[2][1], seen[1][1])
    assert (seen[2][0] != seen[1][0]).mean() > 0.9


@pytest.mark.parametrize("name", ["xor", "swingup", "digits"])
def test_tasks_without_an_expert_are_refused_in_one_line(name):
    task = wann.make_task(name)
    topology = Topology(task.num_inputs, 0, (), ())
    config = TuneConfig.for_task(task.score_name == "accuracy", "imitation")
    with pytest.raises(ConfigError, match=f"method must be adam, es or cma: '{name}' has no expert to imitate"):
        tune_topology(task, topology, 1.0, "imitation", config)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (dict(learning_rates=(0.1, 0.2)), "one number: imitation runs at one rate"),
        (dict(population_size=64), "imitation does not use it"),
        (dict(connections=4), "only adam prunes"),
    ],
)
def test_settings_that_do_nothing_are_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        TuneConfig.for_task(False, "imitation", **setting)
