"""The swing-up environment against a plain float64 integration, and as gymnax knows it."""

import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracle import swingup as oracle
from wann_jax.envs import CARTPOLE_SWINGUP
from wann_jax.envs.cartpole_swingup import EnvState
from wann_jax.envs.trigonometry import sin_cos

NUM_STEPS = 1000
NAMES = ("position", "velocity", "angle", "angular_velocity")
env, params = gymnax.make(CARTPOLE_SWINGUP)


def rollout(state, actions):
    """Steps without end: states, observations, rewards, terminations; on the host."""
    return jax.device_get(_rollout(state, actions))


@jax.jit
def _rollout(state, actions):

    def step(state, action):
        obs, state, reward, terminated, _ = env.step_env(jax.random.key(0), state, action, params)
        return state, (state, obs, reward, terminated)

    return jax.lax.scan(step, state, actions)[1]


def start(x, dx, theta, dtheta):
    values = dict(zip(NAMES, map(jnp.float32, (x, dx, theta, dtheta)), strict=True))
    return EnvState(**values, time=jnp.int32(0))


ACTIONS = {
    "none": np.zeros(NUM_STEPS),
    "slow": 0.3 * np.sin(np.arange(NUM_STEPS) / 50.0),
    "clipped": 3.0 * np.cos(np.arange(NUM_STEPS) / 17.0),
    "damped": 0.9 * np.cos(np.arange(NUM_STEPS) / 35.0) * np.exp(-np.arange(NUM_STEPS) / 400.0),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_every_step_agrees_with_the_oracle_to_rounding(name):
    actions = ACTIONS[name].astype(np.float32)
    first = start(0.05, -0.1, np.pi + 0.1, 0.2)
    states, obs, rewards, terminated = rollout(first, jnp.asarray(actions))
    # The oracle steps from each of our float32 states, so that differences are one step's rounding, not chaos.
    before = np.stack(
        [np.concatenate([[getattr(first, field)], getattr(states, field)[:-1]]) for field in NAMES], axis=1
    )
    after = np.stack([getattr(states, field) for field in NAMES], axis=1)
    for t in range(NUM_STEPS):
        state, reward, left = oracle.advance(tuple(before[t].astype(np.float64)), float(actions[t]))
        scale = 1.0 + np.abs(state)
        np.testing.assert_array_less(np.abs(after[t] - state) / scale, 1e-6)
        np.testing.assert_allclose(obs[t], oracle.observe(state), atol=3e-6 * scale.max())
        assert abs(rewards[t] - reward) < 3e-6 * scale.max()
        assert bool(terminated[t]) == left or abs(abs(state[0]) - oracle.TRACK) < 1e-5


@pytest.mark.parametrize("name", ["none", "slow", "damped"])
def test_a_thousand_steps_stay_with_the_oracle(name):
    """The whole trajectory, from one start: float32 drifts, but by far less than the motion."""
    actions = ACTIONS[name].astype(np.float32)
    states, _, rewards, _ = rollout(start(0.0, 0.0, np.pi + 0.2, 0.0), jnp.asarray(actions))
    state, total = (0.0, 0.0, float(np.float32(np.pi + 0.2)), 0.0), 0.0
    for t in range(NUM_STEPS):
        state, reward, _ = oracle.advance(state, float(actions[t]))
        total += reward
        ours = [float(getattr(states, field)[t]) for field in NAMES]
        np.testing.assert_allclose(ours, state, atol=2e-3)
    assert float(rewards.sum()) == pytest.approx(total, abs=2e-2)


def test_reset_hangs_at_rest_with_deviation_one_fifth():
    _, state = jax.vmap(env.reset_env, (0, None))(jax.random.split(jax.random.key(0), 4000), params)
    for name, mean in zip(NAMES, (0.0, 0.0, np.pi, 0.0), strict=True):
        values = np.asarray(getattr(state, name))
        assert values.mean() == pytest.approx(mean, abs=0.015)
        assert values.std() == pytest.approx(0.2, abs=0.01)


def test_episode_ends_off_the_track_or_at_the_step_limit():
    key = jax.random.key(0)
    _, _, _, terminated, _ = env.step_env(key, start(2.39, 2.0, 0.0, 0.0), jnp.zeros(1), params)
    assert bool(terminated)
    _, state, _, terminated, _ = env.step_env(key, start(2.3, 0.0, 0.0, 0.0), jnp.zeros(1), params)
    assert not bool(terminated)
    assert not bool(env.is_truncated(state.replace(time=jnp.int32(999)), params))
    assert bool(env.is_truncated(state.replace(time=jnp.int32(1000)), params))


def test_gymnax_steps_it_with_six_values():
    obs, state = env.reset(jax.random.key(1), params)
    assert obs.shape == env.observation_space(params).shape
    assert env.action_space(params).shape == (1,)
    obs, state, reward, terminated, truncated, _ = env.step(jax.random.key(2), state, jnp.zeros(1), params)
    assert int(state.time) == 1
    assert 0.0 <= float(reward) < 0.2
    assert (bool(terminated), bool(truncated)) == (False, False)


def test_transitions_are_differentiable_on_request():
    def final_angle(env, action):
        state = start(0.0, 0.0, np.pi, 0.0)
        for _ in range(3):
            _, state, *_ = env.step_env(jax.random.key(0), state, action, params)
        return state.angle

    assert float(jax.grad(final_angle, argnums=1)(env, jnp.float32(0.1))) == 0.0
    differentiable = env.with_transition_gradients()
    slope = float(jax.grad(final_angle, argnums=1)(differentiable, jnp.float32(0.1)))
    step = 0.05
    difference = final_angle(env, jnp.float32(0.1 + step)) - final_angle(env, jnp.float32(0.1 - step))
    assert slope == pytest.approx(float(difference) / (2 * step), rel=0.02)
    assert abs(slope) > 1e-4


def test_sines_and_cosines_are_right_to_rounding():
    angles = np.concatenate([np.linspace(-3000, 3000, 400_001), np.linspace(-7, 7, 400_001)]).astype(np.float32)
    sine, cosine = jax.jit(sin_cos)(angles)
    for values, exact in ((sine, np.sin), (cosine, np.cos)):
        assert np.abs(np.asarray(values, np.float64) - exact(angles.astype(np.float64))).max() < 1.3e-7
    slopes = jax.jit(jax.vmap(jax.grad(lambda angle: sin_cos(angle)[0])))(angles[::1000])
    np.testing.assert_allclose(slopes, np.cos(angles[::1000].astype(np.float64)), atol=1e-6)
