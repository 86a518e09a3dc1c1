"""Task carracing: episodes against a plain loop over the same pictures; looks now and then; lanes that are stopped."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.tasks.test_tasks import networks_of, plain_genomes, spec_of
from wann_jax.envs.car_racing import drive as driving
from wann_jax.envs.car_racing.experts import BOLD, PRECISE, outputs_for
from wann_jax.envs.car_racing.picture import camera_of, render
from wann_jax.envs.car_racing.texture import bake_all
from wann_jax.envs.car_racing.track import make_tracks
from wann_jax.errors import ConfigError, DataError
from wann_jax.tasks.car_racing import CarRacingTask
from wann_jax.tasks.lanes import Lanes
from wann_jax.vae.files import save_part
from wann_jax.vae.model import encode, init_params

WEIGHTS = jnp.array([-1.0, 0.7])
EPISODES, STEPS = 2, 60
SEED = 11


@pytest.fixture(scope="module")
def encoder():
    """Small and untrained: its means tell frames apart, which is all that is needed."""
    found = init_params(jax.random.key(2), 2, 1, 4)["encoder"]
    return {**found, "mean": jax.tree.map(lambda leaf: 5.0 * leaf, found["mean"])}


@pytest.fixture(scope="module")
def networks(encoder):
    spec = spec_of(CarRacingTask.create(encoder))
    return networks_of(spec, plain_genomes(spec, 4, (1, 5, 6)))


@jax.jit
def _rollout(task, networks, key):
    return task.rollout(networks, WEIGHTS, key, EPISODES)


def rolled_out(encoder, networks, **options):
    """Returns [P, W, R] and steps [P]."""
    task = CarRacingTask.create(encoder, max_steps=STEPS, **options)
    return jax.device_get(_rollout(task, networks, jax.random.key(SEED)))


def plain_rewards(encoder, networks, interval):
    """Rewards [steps, P * W * R] by a loop in Python: draw all, encode all, ask each network, step."""
    tracks = jax.jit(make_tracks, static_argnums=1)(jax.random.key(SEED), EPISODES)
    textures = jax.jit(bake_all)(tracks)
    lanes = [(p, float(w), r) for p in range(4) for w in WEIGHTS for r in range(EPISODES)]
    index = jnp.array([r for _, _, r in lanes], jnp.int32)
    drive = jax.jit(driving.start)(tracks, index)
    look = jax.jit(lambda drive: encode(encoder, render(textures, index, camera_of(drive)), chunk=0))
    forward = jax.jit(lambda network, weight, codes: wann.forward(network, weight, codes))
    each = [jax.tree.map(lambda leaf, p=p: leaf[p], networks) for p in range(4)]
    ahead = jax.jit(driving.advance)
    rewards, actions = [], None
    for step in range(STEPS):
        if step % interval == 0:
            codes = look(drive)
            outputs = [forward(each[p], jnp.float32(weight), codes[i]) for i, (p, weight, _) in enumerate(lanes)]
            steer, gas, brake = np.asarray(outputs, float).T
            actions = np.stack([np.clip(steer, -1, 1), (np.clip(gas, -1, 1) + 1) / 2, np.clip(brake, 0, 1)])
        drive, reward, has_ended = ahead(tracks, index, drive, driving.controls_of(jnp.asarray(actions, jnp.float32)))
        assert not has_ended.any()
        rewards.append(reward)
    return np.asarray(rewards)


@pytest.mark.parametrize("interval", [1, 4])
def test_returns_match_a_plain_loop(encoder, networks, interval):
    rewards = plain_rewards(encoder, networks, interval)
    returns, steps = rolled_out(encoder, networks, encode_interval=interval)
    np.testing.assert_allclose(returns.reshape(-1), rewards.sum(0), atol=0.02)
    assert np.ptp(returns) > 1.0
    assert steps.tolist() == [4 * STEPS] * 4


def test_a_look_that_does_not_divide_the_time_ends_with_it(encoder, networks):
    assert rolled_out(encoder, networks, encode_interval=7)[1].tolist() == [4 * STEPS] * 4


def test_a_lane_without_new_tiles_is_stopped_and_pays_for_its_time(encoder, networks):
    """The same return as if it had stood still to the end, in fewer steps."""
    patience = 8
    rewards = plain_rewards(encoder, networks, 2)
    returns, steps = rolled_out(encoder, networks, encode_interval=2, patience=patience)
    wanted, taken = [], []
    for lane in rewards.T:
        is_new = lane > 0
        last, stop = 0, STEPS
        for step in range(STEPS):
            last = step if is_new[step] else last
            if step - last >= patience:
                stop = step + 1
                break
        wanted.append(lane[:stop].sum() - 0.1 * (STEPS - stop))
        taken.append(stop)
    assert min(taken) < STEPS
    np.testing.assert_allclose(returns.reshape(-1), wanted, atol=0.02)
    np.testing.assert_array_equal(steps, np.reshape(taken, (4, -1)).sum(1))


def test_lanes_do_not_meet(encoder, networks):
    """Each individual alone drives as it does among others, some of whom stop."""
    together = rolled_out(encoder, networks, encode_interval=2, patience=8)[0]
    alone = rolled_out(encoder, jax.tree.map(lambda leaf: leaf[1:2], networks), encode_interval=2, patience=8)[0]
    np.testing.assert_allclose(alone[0], together[1], atol=1e-3)


@pytest.mark.parametrize("is_bold", [False, True])
def test_the_task_asks_the_hand_written_drivers(encoder, is_bold):
    task = CarRacingTask.create(encoder)
    begun = task.begin(jax.random.key(SEED), EPISODES)
    shape = (1, EPISODES)
    lanes = Lanes(task.reset(begun, shape, EPISODES), jnp.zeros(shape), jnp.ones(shape, bool))
    outputs = task.expert(begun, lanes, is_bold)
    wanted = outputs_for(BOLD if is_bold else PRECISE, begun[0], jnp.arange(EPISODES), lanes.state.drive)
    np.testing.assert_array_equal(outputs[0], np.asarray(wanted).T)


def test_outputs_beyond_their_bounds_make_no_difference(encoder):
    task = CarRacingTask.create(encoder)
    low, high = (np.array(bound, np.float32) for bound in task.output_bounds)
    some = np.array([0.1, 2.0, 3.0])
    for bound, beyond in ((low, low - some), (high, high + some)):
        acts = [task.act(jnp.asarray(outputs, jnp.float32)[None, None]) for outputs in (bound, beyond)]
        chex.assert_trees_all_close(*acts)
        inside = task.act(jnp.asarray(0.9 * bound + 0.05, jnp.float32)[None, None])
        assert not np.allclose(jax.tree.leaves(inside), jax.tree.leaves(acts[0]))


class TestByName:
    def test_the_trained_encoder_is_the_default(self):
        task = wann.make_task("carracing")
        assert (task.num_inputs, task.num_outputs, task.max_steps) == (16, 3, 1000)
        assert (task.encode_interval, task.patience) == (1, 0)

    def test_an_encoder_of_ones_own(self, encoder, tmp_path):
        save_part(tmp_path / "encoder.npz", "encoder", jax.device_get(encoder), {})
        for path in (tmp_path, tmp_path / "encoder.npz"):
            task = wann.make_task("carracing", encoder=str(path), encode_interval=3, patience=50, max_steps=9)
            assert (task.num_inputs, task.encode_interval, task.patience, task.max_steps) == (4, 3, 50, 9)

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            (dict(max_steps=0), "task.max_steps must be a whole number, at least 1; got 0"),
            (dict(encode_interval=0), "task.encode_interval must be a whole number, at least 1; got 0"),
            (dict(patience=-1), "task.patience must be a whole number, at least 0; got -1"),
            (dict(batch_size=3), "task.batch_size must be left out: task 'carracing' has no such option; got 3"),
        ],
    )
    def test_wrong_options_are_told(self, options, complaint):
        with pytest.raises(ConfigError) as error:
            wann.make_task("carracing", **options)
        assert str(error.value) == complaint

    def test_a_missing_encoder_is_told(self, tmp_path):
        with pytest.raises(DataError, match=r"encoder file .* is not there; .* or one of: early, laptop"):
            wann.make_task("carracing", encoder=str(tmp_path / "none.npz"))

    def test_others_have_no_encoder(self):
        with pytest.raises(ConfigError, match=r"task\.encoder must be left out: task 'swingup' has no such option"):
            wann.make_task("swingup", encoder="laptop")

    def test_gradients_are_refused(self):
        with pytest.raises(ConfigError, match="method must be es or cma"):
            wann.make_task("carracing").differentiable()
