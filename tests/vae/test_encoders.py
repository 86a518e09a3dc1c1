"""The encoder that comes with the package keeps the road: on new tracks, at the bar or better."""

import jax
import pytest

from wann_jax.vae.files import TRAINED, load_decoder, load_encoder, trained_names
from wann_jax.vae.frames import make_frames
from wann_jax.vae.judging import judge
from wann_jax.vae.model import PAPER_LATENTS

MOST_ERROR, LEAST_R2 = 40.0, {"offset": 0.92, "heading": 0.6}
LARGEST = 2**20  # bytes


@pytest.fixture(scope="module")
def frames():
    return make_frames(jax.random.key(2000), 16, 1024, 1024)  # of fewer, the probe learns noise


@pytest.mark.parametrize("name", trained_names())
def test_it_reaches_the_bar_on_new_tracks(name, frames):
    params = {"encoder": load_encoder(name), "decoder": load_decoder(name)}
    found = judge(params, frames)
    assert found["reconstruction"] < MOST_ERROR
    for truth, least in LEAST_R2.items():
        assert found[f"r2_{truth}"] > least, truth


def test_the_default_is_small():
    assert "laptop" in trained_names()
    assert load_encoder()["mean"]["bias"].shape == (PAPER_LATENTS,)
    assert (TRAINED / "laptop-encoder.npz").stat().st_size < LARGEST
