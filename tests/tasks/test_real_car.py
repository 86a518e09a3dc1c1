"""The real racing car through our encoder: what is seen and done is what our own task sees and does."""

import jax.numpy as jnp
import numpy as np

from wann_jax.envs.car_racing.drive import paper_action
from wann_jax.envs.car_racing.lens import shrink
from wann_jax.tasks.real_car import Controls, Eye
from wann_jax.vae.files import DEFAULT_NAME, load_encoder
from wann_jax.vae.model import encode


def frames(count=6):
    """Blocks of colour, as pictures of the road are."""
    blocks = np.random.default_rng(0).integers(0, 256, (count, 12, 12, 3), np.uint8)
    return blocks.repeat(8, 1).repeat(8, 2)


def test_the_eye_shrinks_a_frame_as_the_lens_does_and_encodes_it():
    encoder = load_encoder(DEFAULT_NAME)
    eye, seen = Eye(encoder), frames()
    codes = eye(jnp.asarray(seen.reshape(len(seen), -1), jnp.float32))
    wanted = encode(encoder, jnp.asarray(np.stack([shrink(frame) for frame in seen])))
    assert codes.shape == (len(seen), eye.num_inputs)
    assert np.ptp(np.asarray(wanted), axis=0).max() > 1.0  # these pictures differ in their codes
    np.testing.assert_allclose(codes, wanted, atol=0.02)  # a pixel may be rounded the other way


def test_the_bar_below_the_picture_is_not_seen():
    eye, seen = Eye(load_encoder(DEFAULT_NAME)), frames(1)
    blank = seen.copy()
    blank[:, 84:] = 0
    flat = [jnp.asarray(each.reshape(1, -1), jnp.float32) for each in (seen, blank)]
    np.testing.assert_array_equal(eye(flat[0]), eye(flat[1]))


def test_outputs_are_the_papers_controls():
    outputs = jnp.array([[[0.0, 0.0, 0.0], [-3.0, 1.0, -1.0]], [[0.5, -1.0, 0.25], [2.0, 5.0, 7.0]]])
    actions = Controls().from_outputs(outputs)
    wanted = [[[0.0, 0.5, 0.0], [-1.0, 1.0, 0.0]], [[0.5, 0.0, 0.25], [1.0, 1.0, 1.0]]]
    np.testing.assert_allclose(actions, wanted)
    np.testing.assert_array_equal(actions[1, 0], paper_action(outputs[1, 0]))
