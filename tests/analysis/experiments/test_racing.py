"""Ways to tune, side by side: equal work, the best is kept, pruning to the count; step functions, sparse rewards."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from wann_jax.analysis.baselines import dense_topology
from wann_jax.analysis.experiments.evolution_or_gradient import NEARLY_UPRIGHT, SparseSwingUp, with_steps
from wann_jax.analysis.experiments.racing import LOOKS, WAYS, race, scores
from wann_jax.envs.cartpole_swingup import CartPoleSwingUp, EnvState
from wann_jax.genomes.activation_ids import LINEAR, RELU, STEP

SEEDS = 2


def _raced(way, work, size, connections=0):
    task, topology = wann.make_task("digits"), dense_topology(64, 1, 10, RELU)
    starts = np.random.default_rng(0).normal(size=(SEEDS, topology.num_connections)).astype(np.float32) / 4
    return task, topology, race(task, topology, starts, way, work, size, connections)


def test_a_race_does_its_work_and_keeps_the_best_of_each_seed():
    way, work = WAYS[-1], 16 * 64 * 48
    task, topology, found = _raced(way, work, 16)
    assert found.work[-1] == work
    assert found.curve.shape == (LOOKS + 1, SEEDS)
    assert (np.diff(found.curve, axis=0) >= 0).all()  # best so far
    assert found.curve[-1].mean() > found.curve[0].mean() + 0.03
    np.testing.assert_allclose(scores(task, topology, found.weights, "validation"), found.curve[-1], atol=1e-6)
    assert found.choice in way.choices


def test_adam_prunes_to_the_count():
    _, _, found = _raced(WAYS[0], 3 * 16 * 60, 16, connections=30)
    assert (np.count_nonzero(found.weights, axis=1) == 30).all()
    assert found.work[-1] == 3 * 16 * 60  # a gradient counts three times


def test_only_hidden_nodes_become_steps():
    topology = with_steps(dense_topology(3, 4, 2))
    assert [node.activation for node in topology.nodes] == [STEP] * 4 + [LINEAR] * 2


def test_the_sparse_reward_is_paid_while_the_pole_is_nearly_upright():
    params, sparse, dense = CartPoleSwingUp().default_params, SparseSwingUp(), CartPoleSwingUp()
    for angle in (0.0, 0.8, 1.1, 3.0):
        still = {name: jnp.float32(0.0) for name in ("position", "velocity", "angular_velocity")}
        state = EnvState(angle=jnp.float32(angle), time=jnp.int32(0), **still)
        (_, _, paid, _, _), (_, _, reward, _, _) = (
            env.step_env(jax.random.key(0), state, jnp.zeros(1), params) for env in (sparse, dense)
        )
        assert float(paid) == float(reward > NEARLY_UPRIGHT)
    assert float(reward) == pytest.approx(0.0, abs=0.01)
