"""The linear probe: what it explains, and that no track helps to predict itself."""

import numpy as np

from wann_jax.vae.probe import probe_r2

random = np.random.default_rng(0)
MEANS = random.normal(size=(400, 3)).astype(np.float32)
TRACK = np.arange(400, dtype=np.int32) // 50
EVERY = np.ones(400, bool)


def test_linear_truths_are_explained_and_noise_is_not():
    truth = np.stack([MEANS @ [1.0, -2.0, 0.5] + 3.0, random.normal(size=400)], 1).astype(np.float32)
    linear, noise = probe_r2(MEANS, truth, TRACK, EVERY)
    assert linear > 1.0 - 1e-9
    assert -0.1 < noise < 0.02


def test_half_the_variance_is_half():
    truth = (MEANS[:, 0] + random.normal(size=400)).astype(np.float32)[:, None]
    assert 0.4 < probe_r2(MEANS, truth, TRACK, EVERY)[0] < 0.6


def test_frames_left_out_make_no_difference():
    truth = (MEANS[:, 0] + random.normal(size=400)).astype(np.float32)[:, None]
    used = random.random(400) < 0.7
    disturbed = np.where(used[:, None], truth, np.float32(1e6))
    np.testing.assert_array_equal(probe_r2(MEANS, truth, TRACK, used), probe_r2(MEANS, disturbed, TRACK, used))


def test_a_track_is_predicted_by_others_only():
    """Its own name in the means would explain everything, had it been seen."""
    truth = (TRACK % 2).astype(np.float32)[:, None] * random.normal(size=(400, 1)).astype(np.float32)
    means = np.concatenate([MEANS, truth], 1)
    assert probe_r2(means, truth, TRACK, EVERY)[0] < 0.1
