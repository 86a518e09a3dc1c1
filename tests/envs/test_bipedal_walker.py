"""The walker against recorded steps of Gymnasium's Box2D environment, and as gymnax knows it.

The recording (golden/box2d_walker.npz, made by scripts/record_biped.py) holds what Box2D's world held before each step:
ours is set to it, both take the step, and their results are compared.
"""

from pathlib import Path

import chex
import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracle.walker_terrain import allowed_terrain
from wann_jax import native
from wann_jax.analysis.fidelity.walker import one_step_errors, states_of
from wann_jax.envs import BIPEDAL_WALKER, bipedal_walker
from wann_jax.envs.bipedal import continuous, terrain, world
from wann_jax.envs.bipedal.bodies import BODIES, POLYGONS, mass_properties
from wann_jax.envs.bipedal.world import EXACT
from wann_jax.envs.bipedal_walker import EnvParams, start
from wann_jax.errors import ConfigError
from wann_jax.kernels.pallas import launching
from wann_jax.kernels.pallas.together import in_one_launch

RECORDING = Path(__file__).parents[1] / "golden" / "box2d_walker.npz"
env, params = gymnax.make(BIPEDAL_WALKER)
step = jax.jit(jax.vmap(env.step_env, (None, 0, 0, None)))
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def recording():
    with np.load(RECORDING) as file:
        return dict(file)


@pytest.fixture(scope="module", params=["native", "xla", "pallas"])
def errors(recording, request):
    """Of all implementations; where there is no compiler, native code is XLA's."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "native":
            patch.setattr(native, "available", lambda: False)
        if request.param == "pallas":
            patch.setattr(launching, "INTERPRET", True)
            for module in (world, continuous):
                patch.setattr(module, "each_lane", in_one_launch)
        bipedal_walker._advance_lanes.cache_clear()
        errors = one_step_errors(recording)
    bipedal_walker._advance_lanes.cache_clear()
    return errors


@pytest.fixture(scope="module")
def starts(recording):
    """Our observations and states on the recorded terrains after the recorded first pushes."""
    make = jax.jit(jax.vmap(start, (None, 0, 0)), static_argnums=0)
    return make(EXACT, jnp.asarray(recording["terrain"]), jnp.asarray(recording["force"]))


def test_the_recording_covers_falls_slopes_and_many_contacts(recording):
    assert len(recording["reward"]) > 1500
    assert recording["terminated"].sum() >= 10
    points = recording["contacts"][:, :, 2]
    assert (points > 0).sum(1).max() >= 6
    assert ((points > 0) & (recording["contacts"][:, :, 1] > terrain.START_PAD)).sum() > 200


@pytest.mark.parametrize(
    ("name", "bound", "share"),
    [("velocity", 1e-3, 0.995), ("velocity", 0.05, 0.999), ("observation", 1e-2, 0.999), ("position", 1e-3, 0.995)],
)
def test_one_step_is_box2ds_step(errors, name, bound, share):
    assert (errors[name] < bound).mean() >= share


def test_rewards_ends_and_contact_flags_are_box2ds(errors):
    assert (errors["reward"] < 1e-3).mean() >= 0.999
    assert errors["terminated"].sum() == 0
    assert errors["flags"].sum() <= 1


def test_reset_is_box2ds_reset(recording, starts):
    # The joints start half a metre apart: fifty position passes, then impacts of both feet.
    gap = np.abs(np.asarray(starts[0]) - recording["start_obs"]).max(1)
    assert (gap < 1e-3).all()


def test_whole_runs_stay_with_box2d(recording, starts):
    """Forty steps from the start, without resetting: what a step leaves to the next is right, too."""
    actions, wanted = recording["run_action"], recording["run_obs"]
    state = jax.tree.map(lambda leaf: leaf[: len(actions)], starts[1])
    gaps = []
    for t in range(actions.shape[1]):
        obs, state, *_ = step(KEY, state, jnp.asarray(actions[:, t]), params)
        gaps.append(np.abs(np.asarray(obs) - wanted[:, t]).max(1))
    gaps = np.stack(gaps, 1)
    # Rounding grows; most runs stay together to a hundredth for all 40 steps, and all do for the first ten.
    assert (gaps[:, :10] < 1e-2).all()
    assert (gaps < 1e-2).all(1).mean() >= 0.7


def test_masses_are_box2ds():
    mass, centre, inertia = mass_properties(POLYGONS[2], 5.0)
    assert mass == pytest.approx(5.422222, rel=1e-6)
    assert centre == pytest.approx([-0.0200364, -0.00564664], rel=1e-5)
    assert inertia == pytest.approx(1.999395, rel=1e-6)
    assert 1 / BODIES.inverse_mass[:, 0] == pytest.approx([0.241778, 0.302222, 5.422222, 0.302222, 0.241778], rel=1e-5)
    assert 1 / BODIES.inverse_inertia[[0, 1], 0] == pytest.approx([0.026796, 0.034140], rel=1e-4)


def test_terrain_follows_the_originals_recursion(recording):
    ours = np.asarray(jax.jit(jax.vmap(terrain.generate))(jax.random.split(jax.random.key(2), 400)))
    assert all(allowed_terrain(heights) for heights in [*ours[:50], *recording["terrain"]])
    assert not np.array_equal(ours[0], ours[1])
    spread, wanted = (heights[:, 60:].std() for heights in (ours, recording["terrain"]))
    assert spread == pytest.approx(wanted, rel=0.25)


def test_lanes_do_not_depend_on_how_they_are_batched(starts):
    state = jax.tree.map(lambda leaf: leaf[:6], starts[1])
    actions = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (6, 4)), jnp.float32)
    flat = step(KEY, state, actions, params)
    nested = jax.jit(jax.vmap(jax.vmap(env.step_env, (None, 0, 0, None)), (None, 0, 0, None)))(
        KEY, *jax.tree.map(lambda leaf: leaf.reshape(2, 3, *leaf.shape[1:]), (state, actions)), params
    )
    np.testing.assert_allclose(np.asarray(nested[0]).reshape(6, -1), flat[0], atol=1e-5)


def test_same_key_same_episode_and_finite_under_random_actions():
    reset = jax.jit(jax.vmap(env.reset_env, (0, None)))
    actions = np.random.default_rng(1).uniform(-2, 2, (60, 6, 4)).astype(np.float32)

    def run():
        obs, state = reset(jax.random.split(jax.random.key(1), 6), params)
        seen = [(obs,)]
        for action in actions:
            obs, state, reward, *_ = step(KEY, state, action, params)
            seen.append((obs, reward))
        return jax.device_get(seen)

    first, second = run(), run()
    chex.assert_trees_all_equal(first, second)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(first))
    assert first[0][0].shape == (6, *env.observation_space(params).shape)
    assert len(np.unique(first[0][0][:, 3])) > 1  # every key pushes differently


def test_a_fall_costs_the_penalty_or_nothing(recording):
    falls = np.flatnonzero(recording["terminated"] & (recording["reward"] < -99.0))[:4]
    rows = {name: values[falls] for name, values in recording.items() if len(values) == len(recording["reward"])}
    rows["terrain"] = recording["terrain"]
    state, action = states_of(rows), jnp.asarray(rows["action"])
    _, _, reward, terminated, _ = step(KEY, state, action, params)
    assert terminated.all()
    assert (np.asarray(reward) == -100.0).all()
    _, _, reward, terminated, _ = step(KEY, state, action, EnvParams(fall_penalty=0.0))
    assert terminated.all()
    assert (np.abs(np.asarray(reward)) < 2.0).all()


def test_ends_at_the_left_at_the_goal_and_at_the_step_limit(starts):
    state = jax.tree.map(lambda leaf: leaf[0], starts[1])

    def moved(shift):
        world = state.world
        return state.replace(world=world.replace(position=world.position.at[0].add(shift)))

    at_goal = terrain.GOAL_X - terrain.START_X
    ends = [bool(env.is_terminated(moved(shift), params)) for shift in (0.0, -5.0, at_goal - 0.2, at_goal + 0.2)]
    assert ends == [False, True, False, True]
    assert not bool(env.is_truncated(state.replace(time=jnp.int32(1599)), params))
    assert bool(env.is_truncated(state.replace(time=jnp.int32(1600)), params))


def test_a_wrong_action_is_answered_in_one_line(starts):
    state = jax.tree.map(lambda leaf: leaf[0], starts[1])
    with pytest.raises(ConfigError, match=r"action must be an array of shape \(4,\); got \(3,\)"):
        env.step_env(KEY, state, jnp.zeros(3), params)


def test_a_walker_that_has_fallen_stays_as_it_is(recording, starts):
    state = jax.tree.map(lambda leaf: leaf[:4], starts[1])
    fallen = jnp.array([True, False, True, False])
    state = state.replace(world=state.world.replace(hull_hit=fallen))
    _, after, *_ = step(KEY, state, jnp.ones((4, 4)), params)
    moved = np.abs(np.asarray(after.world.position - state.world.position)).max((1, 2))
    assert (moved > 1e-4).tolist() == [False, True, False, True]
