"""Encoder files: what is written comes back; a file that is none of ours gives one line."""

import json

import chex
import jax
import numpy as np
import pytest

from wann_jax.errors import DataError
from wann_jax.vae.files import HEADER, load_decoder, load_encoder, load_info, save_part, trained_names
from wann_jax.vae.model import init_params


@pytest.fixture
def params():
    return jax.device_get(init_params(jax.random.key(1), 3, 2, 5))


@pytest.fixture
def saved(params, tmp_path):
    """A directory with both parts."""
    for part in ("encoder", "decoder"):
        save_part(tmp_path / f"{part}.npz", part, params[part], {"step": 7})
    return tmp_path


@pytest.mark.parametrize(("part", "load"), [("encoder", load_encoder), ("decoder", load_decoder)])
def test_a_part_comes_back_in_half_precision(params, saved, part, load):
    for path in (saved, saved / f"{part}.npz", str(saved / f"{part}.npz")):
        found = load(path)
        half = jax.tree.map(lambda leaf: leaf.astype(np.float16).astype(np.float32), params[part])
        chex.assert_trees_all_equal(found, half)
        assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {np.dtype(np.float32)}
        assert load_info(path, part) == {"step": 7}
    assert not list(saved.glob("*.partial"))


def test_full_precision_is_kept_if_asked_for(params, tmp_path):
    save_part(tmp_path / "encoder.npz", "encoder", params["encoder"], {}, np.float32)
    chex.assert_trees_all_equal(load_encoder(tmp_path), params["encoder"])


def test_numbers_beyond_half_precision_are_refused(params, tmp_path):
    params["encoder"]["bias0"] = np.full(3, 1e6, np.float32)
    # NumPy would warn of the overflow that is meant here.
    with np.errstate(over="ignore"), pytest.raises(DataError, match="parameters must be finite in float16"):
        save_part(tmp_path / "encoder.npz", "encoder", params["encoder"], {})
    assert not list(tmp_path.iterdir())


def rewritten(path, **changes):
    """The file with arrays replaced, or dropped where None."""
    with np.load(path) as file:
        arrays = {**{name: file[name] for name in file.files}, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def header(**changes):
    return np.array(json.dumps({"format": "wann_jax.vae", "version": 1, "part": "encoder", "info": {}} | changes))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({HEADER: None}, "must be a file of wann train-vae; got KeyError"),
        ({HEADER: np.array("{")}, "must be a file of wann train-vae; got JSONDecodeError"),
        ({HEADER: header(format="other")}, "format, version, part must be"),
        ({HEADER: header(version=2)}, "format, version, part must be"),
        ({HEADER: header(part="decoder")}, "format, version, part must be"),
        ({HEADER: np.array([None], object)}, "must be a file of wann train-vae; got ValueError"),
        ({"kernel0": None}, "must hold the layers of a VAE"),
        ({"kernel2": None}, r"kernel2 must be of shape \(4, 4, 6, 12\); got None"),
        (
            {"kernel1": np.zeros((4, 4, 3, 5), np.float16)},
            r"kernel1 must be of shape \(4, 4, 3, 6\); got \(4, 4, 3, 5\)",
        ),
        ({"other": np.zeros(1, np.float16)}, r"other must be of shape None; got \(1,\)"),
        ({"bias1": np.full(6, np.nan, np.float16)}, "bias1 must be finite numbers"),
        ({"bias1": np.zeros(6, np.int32)}, "bias1 must be finite numbers; got 'int32'"),
        ({"mean/bias": np.zeros((), np.float16)}, "must hold the layers of a VAE"),
        ({"mean/bias": np.zeros(0, np.float16)}, "width and latents must be between 1 and 1024"),
    ],
)
def test_a_foreign_file_gives_one_line(saved, changes, complaint):
    path = saved / "encoder.npz"
    rewritten(path, **changes)
    with pytest.raises(DataError, match=complaint) as error:
        load_encoder(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_archive_gives_one_line(tmp_path, content):
    path = tmp_path / "encoder.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="must be a file of wann train-vae"):
        load_encoder(path)


def test_half_a_file_gives_one_line(saved):
    path = saved / "encoder.npz"
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(DataError, match="must be a file of wann train-vae"):
        load_encoder(path)


def test_a_single_array_gives_one_line(tmp_path):
    np.save(tmp_path / "encoder.npy", np.zeros(3))
    with pytest.raises(DataError, match="must be a file of wann train-vae"):
        load_encoder(tmp_path / "encoder.npy")


def test_a_missing_file_names_those_that_come_with_the_package(tmp_path):
    with pytest.raises(DataError, match=f"is not there.*or one of: {', '.join(trained_names())}$"):
        load_encoder(tmp_path / "nothing.npz")
