"""Training: updates lower the loss, on any number of devices; a stopped training goes on exactly; NaN is told."""

import contextlib
import dataclasses
import io
import json
import signal
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

from wann_jax.cli import main
from wann_jax.runs import vae_training as vae_runner
from wann_jax.strictness import loose_types
from wann_jax.vae.config import VaeConfig
from wann_jax.vae.files import load_decoder, load_encoder
from wann_jax.vae.model import losses
from wann_jax.vae.training import init_state, optimiser_of, round_frames, run_round

SIZES = dict(width=2, decoder_width=2, latents=4, tracks=2, held_out_tracks=2, held_out_frames=48)
TINY = VaeConfig(**SIZES, batch_size=8, round_steps=3, steps=9, learning_rate=0.01)
OPTIONS = tuple(
    word
    for name, value in vars(TINY).items()
    if value != vars(VaeConfig())[name]
    for word in (f"--{name.replace('_', '-')}", str(value))
)


@pytest.fixture(scope="module")
def pixels():
    return round_frames(TINY, 0, 0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A training that ran to its end, and what was printed."""
    path = tmp_path_factory.mktemp("vae") / "run"
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        assert main(["train-vae", "--out", str(path), *OPTIONS]) == 0
    return path, out.getvalue(), err.getvalue()


def rows(path: Path) -> list[dict]:
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if "second" not in name} for line in lines]


class TestUpdates:
    def test_each_is_a_step_of_adam_down_the_references_loss(self, pixels):
        """Against an update written out with optax, on one device."""
        state = init_state(TINY, 3)
        params, moments = jax.tree.map(jnp.array, (state.params, state.moments))  # copies
        found, found_losses = run_round(state, pixels, TINY, 3, 2)
        root = jax.random.fold_in(jax.random.key(3), 1)

        @jax.jit
        def reference(params, moments, batch, noise):
            parts = losses(params, batch, noise)
            gradient = jax.grad(lambda *of: sum(losses(*of)))(params, batch, noise)
            with loose_types():
                changes, moments = optimiser_of(TINY).update(gradient, moments, params)
                return parts, optax.apply_updates(params, changes), moments

        for step in range(2):
            batch = pixels[8 * step : 8 * step + 8]
            noise = jax.random.normal(jax.random.fold_in(root, step), (8, TINY.latents))
            parts, params, moments = reference(params, moments, batch, noise)
            np.testing.assert_allclose(found_losses.reconstruction[step], parts.reconstruction, rtol=1e-4)
            np.testing.assert_allclose(found_losses.divergence[step], parts.divergence, rtol=1e-4)
        assert int(found.step) == 2
        jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, atol=1e-5), found.params, params)

    def test_the_loss_falls_on_a_few_frames(self, pixels):
        config = VaeConfig(**SIZES, batch_size=12, steps=60, learning_rate=0.01)
        batch = pixels[:12]
        state, found = run_round(init_state(config, 0), jnp.tile(batch, (60, 1, 1, 1)), config, 0, 60)
        assert found.reconstruction[-1] < 0.5 * found.reconstruction[0]
        assert losses(state.params, batch, jnp.zeros((12, 4))).reconstruction < 0.5 * found.reconstruction[0]

    def test_the_gradient_is_clipped(self, pixels):
        """Adam forgets the size of a gradient, but not that of one beside another."""
        wild = pixels.at[:8].set(255)
        plain, clipped = (
            run_round(init_state(config, 0), wild, config, 0, 2)[0].params
            for config in (TINY, dataclasses.replace(TINY, clip_norm=0.01))
        )
        differences = jax.tree.map(lambda one, other: float(jnp.abs(one - other).max()), plain, clipped)
        assert max(jax.tree.leaves(differences)) > 1e-6

    def test_every_round_has_frames_of_its_own(self, pixels):
        other = round_frames(TINY, 0, 3)
        assert other.shape == pixels.shape == (24, 64, 64, 3)
        assert not (np.asarray(other)[:, None] == np.asarray(pixels)).all((2, 3, 4)).any()
        np.testing.assert_array_equal(round_frames(TINY, 0, 0), pixels)


class TestCommand:
    def test_it_leaves_encoder_decoder_figures_and_pictures(self, finished):
        path, out, err = finished
        assert err == ""
        names = sorted(file.name for file in path.iterdir())
        wanted = ["checkpoint.msgpack", "decoder.npz", "encoder.npz", "figures.json", "metrics.jsonl"]
        assert names == [*wanted, "reconstruction.png", "settings.json"]
        figures = json.loads((path / "figures.json").read_text())
        assert json.loads(out.splitlines()[0]) == figures
        assert out.splitlines()[-1] == f"written: {path}"
        assert [row["step"] for row in rows(path)] == [3, 6, 9]
        last = {name: value for name, value in rows(path)[-1].items() if name in figures["in float32"]}
        assert figures["in float32"] == pytest.approx(last, rel=1e-5)
        assert figures["of the files"] == pytest.approx(last, rel=0.02, abs=0.02)
        encoder, decoder = load_encoder(path), load_decoder(path)
        assert sum(leaf.size for leaf in jax.tree.leaves(encoder)) == figures["encoder_parameters"]
        assert sum(leaf.size for leaf in jax.tree.leaves(decoder)) == figures["decoder_parameters"]
        assert figures["encoder_bytes"] == (path / "encoder.npz").stat().st_size

    def test_the_picture_has_reconstructions_under_frames(self, finished):
        picture = np.asarray(Image.open(finished[0] / "reconstruction.png"))[::2, ::2]
        assert picture.shape == (2 * (2 * 64 + 6), 12 * 66 + 2, 3)
        frame, found = picture[2:66, 2:66].astype(float), picture[68:132, 2:66].astype(float)
        assert frame.std() > found.std() > 0.5
        assert (picture[66:68] == 255).all()

    def test_a_stopped_training_goes_on_exactly(self, finished, tmp_path, capsys):
        path = tmp_path / "run"

        @contextlib.contextmanager
        def after_a_round():
            yield lambda: signal.SIGINT if (path / "metrics.jsonl").read_text() else 0

        with mock.patch.object(vae_runner, "until_interrupted", after_a_round):
            assert main(["train-vae", "--out", str(path), *OPTIONS]) == 130
        assert "stopped after step 3; go on with: wann train-vae --resume" in capsys.readouterr().err
        assert [row["step"] for row in rows(path)] == [3]
        with (path / "metrics.jsonl").open("a") as file:
            file.write('{"step": 6, "half a row')
        assert main(["train-vae", "--resume", "--out", str(path)]) == 0
        assert rows(path) == rows(finished[0])
        for name in ("encoder.npz", "decoder.npz", "figures.json", "settings.json", "checkpoint.msgpack"):
            assert (path / name).read_bytes() == (finished[0] / name).read_bytes(), name

    def test_a_loss_that_is_no_number_is_told_and_the_last_good_state_kept(self, finished, tmp_path, capsys):
        path, whole = tmp_path / "run", vae_runner.run_round

        def poisoned(state, pixels, config, seed, steps):
            state, found = whole(state, pixels, config, seed, steps)
            bad = found.divergence.at[1].set(jnp.nan)
            return state, found if int(state.step) == 3 else found._replace(divergence=bad)

        with mock.patch.object(vae_runner, "run_round", poisoned):
            assert main(["train-vae", "--out", str(path), *OPTIONS]) == 2
        complaint = capsys.readouterr().err
        assert complaint.startswith(
            "wann: vae.learning_rate must be small enough that the loss stays a number; got 0.01"
        )
        assert f"none in step 5; what was good until step 3 is kept in {path}" in complaint
        assert [row["step"] for row in rows(path)] == [3]
        state = vae_runner.VaeRun.open(path).load()
        assert int(state.step) == 3
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))


class TestComplaints:
    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            (("--steps", "0"), "vae.steps must be a whole number between 1 and 2147483647; got 0"),
            (("--width", "257"), "vae.width must be a whole number between 1 and 256; got 257"),
            (("--learning-rate", "nan"), "vae.learning_rate must be finite and above 0; got nan"),
            (("--clip-norm", "-1"), "vae.clip_norm must be finite and at least 0; got -1.0"),
            (("--rollout-share", "1.5"), "vae.rollout_share must be between 0 and 1; got 1.5"),
            (("--held-out-frames", "63"), "vae.held_out_frames must be at least 64, four times the latents; got 63"),
            (("--seed", "-1"), "seed must be between 0 and 2**63 - 1; got -1"),
            (("--width", "three"), "wann train-vae --help tells the options"),
            (("--resume",), "out must be a directory that holds a VAE's training (settings.json)"),
            (("--resume", "--steps", "5"), "settings must be left out with --resume, the directory's hold"),
        ],
    )
    def test_wrong_settings_give_one_line_before_any_compile(self, tmp_path, capsys, options, complaint):
        with mock.patch.object(vae_runner, "init_state", side_effect=AssertionError("too late")):
            assert main(["train-vae", "--out", str(tmp_path / "new"), *options]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert complaint in err
        assert len(err.splitlines()) == 1
        assert not (tmp_path / "new").exists()

    def test_a_directory_in_use_is_refused(self, finished, capsys):
        before = {file: file.read_bytes() for file in finished[0].iterdir()}
        assert main(["train-vae", "--out", str(finished[0]), *OPTIONS]) == 2
        assert "out must be a directory that is new or empty" in capsys.readouterr().err
        assert before == {file: file.read_bytes() for file in finished[0].iterdir()}

    @pytest.mark.parametrize("content", [b"", b"foreign", None])
    def test_a_damaged_checkpoint_gives_one_line(self, finished, tmp_path, capsys, content):
        for name in ("settings.json", "checkpoint.msgpack"):
            (tmp_path / name).write_bytes((finished[0] / name).read_bytes())
        if content is None:  # of another size
            settings = json.loads((tmp_path / "settings.json").read_text())
            settings["config"]["width"] = 3
            (tmp_path / "settings.json").write_text(json.dumps(settings))
        else:
            (tmp_path / "checkpoint.msgpack").write_bytes(content)
        assert main(["train-vae", "--resume", "--out", str(tmp_path)]) == 2
        err = capsys.readouterr().err
        assert err.startswith("wann: checkpoint")
        assert len(err.splitlines()) == 1

    @pytest.mark.parametrize("text", ["{", "[]", '{"format": "other", "version": 1}'])
    def test_damaged_settings_give_one_line(self, tmp_path, capsys, text):
        (tmp_path / "settings.json").write_text(text)
        assert main(["train-vae", "--resume", "--out", str(tmp_path)]) == 2
        err = capsys.readouterr().err
        assert "settings" in err or "format of the training must be" in err
        assert len(err.splitlines()) == 1
