"""The racing car against recordings of Gymnasium's Box2D environment, and as gymnax knows it.

The recording (golden/box2d_car.npz, made by scripts/record_car.py) holds what the original held before and after single
steps, laps of a scripted driver, runs without looking, tries of tracks, and frames as the paper's wrapper shrinks them.
"""

import functools
from pathlib import Path

import chex
import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wann_jax.analysis.fidelity.car import frames, laps, one_step_errors, open_loop
from wann_jax.envs import CAR_RACING
from wann_jax.envs.car_racing import drive as driving
from wann_jax.envs.car_racing import lens, parts, tile_map
from wann_jax.envs.car_racing.dynamics import Controls, origin
from wann_jax.envs.car_racing.environment import LANES, CarRacing, EnvParams
from wann_jax.envs.car_racing.experts import BOLD, PRECISE, REACH, outputs_for, road_ahead
from wann_jax.envs.car_racing.picture import CLOSE, PICTURE, camera_of, render, render_by_xla, render_natively
from wann_jax.envs.car_racing.texture import bake_all
from wann_jax.envs.car_racing.track import FIELD, make_track, track_from_uniforms
from wann_jax.envs.car_racing.track import make_tracks as draw_tracks
from wann_jax.envs.trigonometry import sin_cos
from wann_jax.errors import ConfigError

RECORDING = Path(__file__).parents[1] / "golden" / "box2d_car.npz"
KEY = jax.random.key(0)
CONTROLS = Controls(steer=jnp.array([0.3, -0.2, 0.1, 0.0]), gas=jnp.full(4, 0.5), brake=jnp.zeros(4))
env = CarRacing(with_picture=False)
params = env.default_params
step = jax.jit(jax.vmap(env.step_env, (None, LANES, 0, None), (0, LANES, 0, 0, 0)))


@pytest.fixture(scope="module")
def recording():
    with np.load(RECORDING) as file:
        return dict(file)


@pytest.fixture(scope="module")
def tracks():
    return jax.jit(draw_tracks, static_argnums=1)(jax.random.key(5), 3)


@pytest.fixture(scope="module")
def states(tracks):
    return env.start_on(tracks, None, jnp.array([0, 1, 2, 1]))


# The hand-written driver


def test_the_driver_sees_the_road_where_it_is(tracks):
    """The middle of the nearest tiles in the car's own coordinates, worked out again with plain numbers."""
    index = jnp.array([0, 1, 2, 1])
    drive = driving.start(tracks, index)
    for _ in range(30):
        drive, *_ = driving.advance(tracks, index, drive, CONTROLS)
    right, ahead = (np.asarray(part) for part in road_ahead(tracks, index, drive))
    assert right.shape == (REACH + 1, 4)
    for lane, track in enumerate([0, 1, 2, 1]):
        points = np.asarray(tracks.points[track])[: int(tracks.num_tiles[track])]
        car = origin(drive.car.hull[:, lane])
        nearest = np.linalg.norm(points[:, :2] - np.array(car), axis=1).argmin()
        angle = float(drive.car.hull[2, lane])
        for place in range(REACH + 1):
            away = points[(nearest + place) % len(points), :2] - np.array(car)
            turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) @ away
            np.testing.assert_allclose([right[place, lane], ahead[place, lane]], turned, atol=2e-4)


@pytest.mark.parametrize(
    ("settings", "factor", "least"), [(PRECISE, 1.0, 880.0), (BOLD, 0.2, 500.0), (BOLD, 4.0, 500.0)]
)
def test_drivers_get_round(tracks, settings, factor, least):
    """All three tracks nearly whole, in 1,000 steps; the bold one more than half, at whatever factor."""
    start = driving.start(tracks, jnp.arange(3))

    def advance(carry, _):
        drive, returns, alive = carry
        action = driving.paper_action(factor * outputs_for(settings, tracks, jnp.arange(3), drive))
        drive, reward, ends = driving.advance(tracks, jnp.arange(3), drive, driving.controls_of(action))
        return (drive, returns + jnp.where(alive, reward, 0.0), alive & ~ends), None

    (_, returns, _), _ = jax.lax.scan(advance, (start, jnp.zeros(3), jnp.ones(3, bool)), length=1000)
    assert returns.mean() > least


# Against the original


def test_the_recording_covers_grass_stops_brakes_and_whole_laps(recording):
    angle = np.abs(recording["position"][:, 1:, 2] - recording["position"][:, :1, 2]).max(1)
    assert len(angle) > 1000
    assert (angle >= 0.4).sum() > 200
    assert (recording["stop"] > 0.5).any(1).sum() > 100
    assert ((recording["next_stop"] > 0.0) & (recording["next_stop"] < 1.2)).any(1).sum() > 50
    assert 0.2 < recording["on_road"].mean() < 0.8
    assert (recording["action"][:, 2] > 0.9).sum() > 20
    assert (recording["lap_return"] > 850).sum() >= 9


@pytest.fixture(scope="module", params=["native", "xla"])
def errors(recording, request):
    if request.param == "native" and not driving.CAR.ready():
        pytest.skip("no C++ compiler")
    move = driving.move_natively if request.param == "native" else driving.move_by_xla
    return one_step_errors(recording, recording["uniforms"], move)


@pytest.mark.parametrize("name", ["position", "velocity", "spin"])
def test_one_step_is_box2ds_step(errors, name):
    assert (errors[name] < 3.2e-5).mean() >= 0.99
    assert errors[name].max() < 1e-4


def test_what_the_steerings_stops_push_back_is_box2ds(errors):
    """It decides when a wheel comes free again; a pass of full steering pushes .022 N m s."""
    assert (errors["stop"] < 1e-4).mean() >= 0.98
    assert errors["stop"].max() < 2e-3


def test_wheels_are_on_the_road_where_box2ds_are(errors):
    assert errors["on_road"].sum() == 0


def test_laps_end_on_the_same_step_with_the_same_return(recording):
    returns, steps = laps(recording["lap_uniforms"])
    assert (steps == recording["lap_steps"]).all()
    assert (np.abs(returns - recording["lap_return"]) < 0.01).all()


def test_runs_without_looking_stay_as_close_as_the_nudged_original(recording):
    ours = open_loop(recording["uniforms"][: len(recording["run_action"])], recording["run_action"])
    gap, nudged = (np.abs(run - recording["run_hull"])[..., :2].max((1, 2)) for run in (ours, recording["nudged_hull"]))
    assert np.median(gap) < 5e-3
    assert (gap < 20 * nudged + 0.02).all()


def test_tracks_are_the_originals(recording):
    tracks, is_track = jax.jit(jax.vmap(track_from_uniforms))(jnp.asarray(recording["try_uniforms"]))
    tiles = recording["try_tiles"]
    assert np.asarray(is_track).tolist() == (tiles > 0).tolist()
    assert (~np.asarray(is_track)).sum() >= 2
    assert np.asarray(tracks.num_tiles)[tiles > 0].tolist() == tiles[tiles > 0].tolist()
    mask = (np.arange(tracks.points.shape[1]) < tiles[:, None]).astype(bool)
    gap = np.abs(np.asarray(tracks.points)[mask] - recording["try_points"])
    # The walk turns by a fixed bit or not at all, by a threshold that rounding can cross: few tracks lie a bit beside.
    assert np.quantile(gap.max(1), 0.9) < 1e-3
    assert gap.max() < 0.3
    np.testing.assert_array_equal(np.asarray(tracks.kerb)[mask], recording["try_kerb"])
    assert (recording["try_kerb"] != 0).sum() > 1000


def test_pictures_are_the_originals_frames(recording):
    ours, pose = frames(recording["lap_uniforms"][:3], recording["pose"]), recording["pose"]
    gap = np.abs(ours.astype(float) - recording["frame"]).mean((1, 2, 3))
    is_late = pose[:, 4] >= CLOSE
    assert gap[is_late].mean() < 0.6
    assert gap[~is_late].mean() < 0.9
    assert gap.max() < 1.6
    car = np.abs(ours.astype(float) - recording["frame"])[is_late][:, lens.CAR_ROWS, lens.CAR_COLUMNS]
    assert car.mean() < 4.0
    assert np.abs(ours[is_late].astype(float) - recording["frame"][0]).mean() > 10.0


def test_frames_are_shrunk_as_pillow_shrinks_them(recording):
    ours = lens.shrink(recording["raw_frame"]).astype(int)
    assert np.abs(ours - recording["frame"][-1]).max() <= 1


def test_the_recording_is_what_the_installed_original_does(recording):
    pytest.importorskip("Box2D", reason="needs the extra box2d")
    from wann_jax.analysis.fidelity import box2d_car

    total, steps = box2d_car.lap(recording["lap_uniforms"][1])
    assert (steps, total) == (recording["lap_steps"][1], pytest.approx(recording["lap_return"][1]))


# By itself


def test_masses_are_box2ds():
    assert pytest.approx(7.06, rel=1e-5) == parts.HULL_MASS
    assert pytest.approx(18.21228, rel=1e-5) == parts.HULL_INERTIA
    assert pytest.approx([0.0, -0.0825309], abs=1e-6) == parts.HULL_CENTRE
    assert pytest.approx(0.06048, rel=1e-5) == parts.WHEEL_MASS
    assert pytest.approx(0.0074592, rel=1e-4) == parts.WHEEL_INERTIA


def test_sine_and_cosine_of_large_angles():
    angle = np.random.default_rng(0).uniform(-500, 500, 4000).astype(np.float32)
    for ours, theirs in zip(jax.jit(sin_cos)(angle), (np.sin, np.cos), strict=True):
        np.testing.assert_allclose(ours, theirs(angle.astype(float)), atol=2e-7)


def test_the_map_misses_no_tile_near_a_wheel(tracks):
    """Random places: every tile within a wheel's reach is in the window that the map gives."""
    rng = np.random.default_rng(1)
    for track in range(3):
        number = int(tracks.num_tiles[track])
        corners = np.asarray(tracks.corners[track, :number])
        tile = rng.integers(0, number, 600)
        places = corners[tile].mean(1) + rng.uniform(-8, 8, (600, 2))
        edge = np.roll(corners, -1, 1) - corners
        normal = np.stack([edge[..., 1], -edge[..., 0]], -1) / np.linalg.norm(edge, axis=-1)[..., None]
        beyond = ((places[:, None, None] - corners) * normal).sum(-1).max(-1)
        cell = np.asarray(tile_map.cell_of(jnp.asarray(places, jnp.float32)))
        first = np.asarray(tracks.first_tile[track])[cell[:, 1], cell[:, 0]]
        near = beyond < 0.6
        assert (first[near.any(1)] >= 0).all()
        place, index = np.nonzero(near)
        assert ((index - first[place]) % number < tile_map.WINDOW).all()
        assert near.sum() > 500


def test_every_key_makes_another_track_within_the_field():
    tracks = jax.jit(jax.vmap(make_track))(jax.random.split(jax.random.key(2), 30))
    number, points = np.asarray(tracks.num_tiles), np.asarray(tracks.points)
    assert ((number > 200) & (number <= 400)).all()
    assert len(np.unique(points[:, 0, 2])) == 30
    assert np.abs(points[..., :2]).max() < FIELD
    gaps = np.linalg.norm(np.diff(points[..., :2], axis=1), axis=-1)
    assert np.allclose(gaps[:, :200], 3.5, atol=1e-3)


def test_first_rewards_pay_the_tiles_under_the_start(states, tracks):
    _, after, reward, ended, info = step(KEY, states, jnp.zeros((4, 3)), params)
    number = np.asarray(tracks.num_tiles)[[0, 1, 2, 1]]
    assert jax.vmap(lambda state: state.drive.num_visited, (LANES,))(states).tolist() == [2] * 4
    np.testing.assert_allclose(reward, 2000.0 / number - 0.1, rtol=1e-5)
    _, _, reward, _, _ = step(KEY, after, jnp.zeros((4, 3)), params)
    np.testing.assert_allclose(reward, -0.1, rtol=1e-5)
    assert not ended.any()
    assert not info["lap_finished"].any()


def test_visiting_the_last_tile_finishes_and_leaving_the_field_costs(states, tracks):
    number = int(tracks.num_tiles[0])
    bits = np.zeros(32 * driving.NUM_WORDS, np.uint64)
    bits[:number] = 1
    bits[0] = 0
    words = (bits.reshape(-1, 32) << np.arange(32, dtype=np.uint64)).sum(1).astype(np.uint32)

    def change(state, words, num_paid, x, y):
        car = state.drive.car
        hull, wheels = (parts.at[0].add(x).at[1].add(y) for parts in (car.hull, car.wheels))
        drive = state.drive.replace(visited=words, num_paid=num_paid, car=car.replace(hull=hull, wheels=wheels))
        return state.replace(drive=drive)

    visited = states.drive.visited.at[0].set(jnp.asarray(words))
    far = jnp.array([0.0, 2 * FIELD, 0.0, 0.0]), jnp.array([0.0, 0.0, -2 * FIELD, 0.0])
    changed = jax.vmap(change, (LANES, 0, 0, 0, 0), LANES)(states, visited, jnp.array([number - 1, 2, 2, 2]), *far)
    _, after, reward, ended, info = step(KEY, changed, jnp.zeros((4, 3)), params)
    assert ended.tolist() == [True, True, True, False]
    assert info["lap_finished"].tolist() == [True, False, False, False]
    np.testing.assert_allclose(reward[:3], [1000.0 / number - 0.1, -100.0, -100.0], rtol=1e-4)
    assert jax.vmap(env.is_terminated, (LANES, None))(after, params).tolist() == ended.tolist()


def test_the_step_limit_truncates(states):
    state = jax.tree.map(lambda leaf: leaf[0], states.replace(tracks=None)).replace(tracks=states.tracks)
    assert not bool(env.is_truncated(state.replace(time=jnp.int32(999)), params))
    assert bool(env.is_truncated(state.replace(time=jnp.int32(1000)), params))
    assert bool(env.is_truncated(state.replace(time=jnp.int32(5)), EnvParams(max_steps_in_episode=5)))


def test_the_papers_mapping_of_outputs():
    outputs = jnp.array([[-3.0, 0.2, 5.0], [0.0, -4.0, 1.0], [-1.0, 0.3, 2.0]])
    wanted = [[-1.0, 0.2, 1.0], [0.5, 0.0, 1.0], [0.0, 0.3, 1.0]]
    np.testing.assert_allclose(driving.paper_action(outputs), wanted, rtol=1e-6)
    raw, paper = env.action_space(), CarRacing(paper_actions=True).action_space()
    assert (raw.low.tolist(), paper.low.tolist()) == ([-1.0, 0.0, 0.0], [-1.0, -1.0, 0.0])


@pytest.mark.skipif(not (driving.CAR.ready() and PICTURE.ready()), reason="no C++ compiler")
def test_native_lanes_are_xlas_for_any_number_and_shape_of_lanes(tracks):
    """After 72 steps natively, one more and a picture both ways: 37 lanes (two of sixteen, and five), and 2 x 3."""
    textures = jax.jit(bake_all)(tracks)

    @functools.partial(jax.jit, static_argnums=1)
    def both(actions, shape):
        index = jnp.arange(np.prod(shape), dtype=jnp.int32).reshape(shape) % 3
        drive, _ = jax.lax.scan(
            lambda drive, action: (driving.move(tracks, index, drive, driving.controls_of(action)), None),
            driving.start(tracks, index),
            actions,
        )
        lanes = drive, driving.controls_of(actions[0])
        moved = driving.move_by_xla(tracks, index, lanes), driving.move_natively(tracks, index, lanes)
        camera = camera_of(drive)
        return moved, (render_by_xla(textures, index, camera), render_natively(textures, index, camera))

    for shape in ((37,), (2, 3)):
        actions = np.random.default_rng(3).uniform([-1, 0.6, -2.0], [1, 1, 0.2], (8, *shape, 3)).astype(np.float32)
        actions = jnp.asarray(np.moveaxis(np.repeat(actions, 9, 0), -1, 1))
        (xla, natively), (picture, native_picture) = jax.device_get(both(actions, shape))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=3e-5), xla, natively)
        assert picture.shape == native_picture.shape == (*shape, 64, 64, 3)
        assert (picture != native_picture).mean() < 1e-3
        assert len(np.unique(xla.num_visited)) > 1


def test_batching_over_tables_lanes_and_both_is_the_same(tracks):
    textures, index = jax.jit(bake_all)(tracks), jnp.array([2, 0, 1], jnp.int32)

    def run(tracks, textures, index):
        drive = driving.start(tracks, index)
        controls = driving.Controls(steer=drive.car.gas + 0.2, gas=drive.car.gas + 1.0, brake=drive.car.gas)
        drive, reward, _ = driving.advance(tracks, index, drive, controls)
        return drive.car.hull[0], reward, render(textures, index, camera_of(drive))

    wanted = jax.jit(run)(tracks, textures, index)
    lanes = jax.jit(jax.vmap(run, (None, None, 0)))(tracks, textures, index)

    def pick(tree, i):
        return jax.tree.map(lambda leaf: leaf[i][None], tree)

    own = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[pick((tracks, textures), i) for i in (2, 0, 1)])
    tables = jax.jit(jax.vmap(lambda pair: run(*pair, jnp.int32(0))))(own)
    nested = jax.jit(jax.vmap(lambda pair: jax.vmap(run, (None, None, 0))(*pair, jnp.zeros(2, jnp.int32))))(own)
    for found in (lanes, tables, jax.tree.map(lambda leaf: leaf[:, 1], nested)):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), found[:2], wanted[:2])
        assert (np.asarray(found[2]) != np.asarray(wanted[2])).mean() < 1e-3


def test_lanes_do_not_depend_on_their_neighbours(states):
    actions = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (4, 3)), jnp.float32)
    together = step(KEY, states, actions, params)

    def pick(tree, i):
        return jax.tree.map(lambda leaf: leaf[i : i + 1], tree)

    for lane in range(4):
        state = pick(states.replace(tracks=None), lane).replace(tracks=states.tracks)
        alone = step(KEY, state, actions[lane : lane + 1], params)
        wanted = pick((together[0], together[2]), lane)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), (alone[0], alone[2]), wanted)


def test_same_key_same_episode_with_pictures():
    env, params = gymnax.make(CAR_RACING)
    reset, act = jax.jit(env.reset_env), jax.jit(env.step_env)
    actions = np.random.default_rng(1).uniform(-1, 1, (8, 3)).astype(np.float32)

    def run():
        obs, state = reset(jax.random.key(1), params)
        seen = [obs]
        for action in actions:
            obs, state, reward, *_ = act(KEY, state, action, params)
            seen.append((obs, reward))
        return jax.device_get(seen)

    first, second = run(), run()
    chex.assert_trees_all_equal(first, second)
    space = env.observation_space(params)
    assert (first[0].shape, first[0].dtype) == (space.shape, space.dtype)
    assert first[0].std() > 10
    assert np.abs(first[1][0].astype(int) - first[8][0]).mean() > 1  # the camera comes closer


def test_pictures_of_lanes_that_share_a_table(tracks):
    env, textures = CarRacing(), jax.jit(bake_all)(tracks)
    states = env.start_on(tracks, textures, jnp.array([0, 2, 0]))
    seen = jax.vmap(env.get_obs, (LANES,))(states)
    assert seen.shape == (3, 64, 64, 3)
    np.testing.assert_array_equal(seen[0], seen[2])
    assert np.abs(np.asarray(seen[0], int) - np.asarray(seen[1], int)).mean() > 1


def test_mistakes_are_answered_in_one_line(states, tracks):
    state = jax.tree.map(lambda leaf: leaf[0], states.replace(tracks=None)).replace(tracks=tracks)
    with pytest.raises(ConfigError, match=r"action must be an array of shape \(3,\); got \(2,\)"):
        env.step_env(KEY, state, jnp.zeros(2), params)
    with pytest.raises(
        ConfigError, match="textures must be given for an environment with pictures only; got 'NoneType'"
    ):
        CarRacing().start_on(tracks, None, jnp.array([0]))
