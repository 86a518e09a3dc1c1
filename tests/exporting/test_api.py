"""`wann.export`: a whole file, or one line and none."""

import re
import sys

import pytest

import wann_jax as wann
from tests.exporting.examples import example, model
from wann_jax.errors import CheckpointError, ConfigError
from wann_jax.exporting.api import FORMATS, check_path, write

SUFFIXES = ".pt.py, .py, .c, .onnx, .tex, .out"


@pytest.mark.parametrize("suffix", [kind.suffix for kind in FORMATS])
def test_each_ending_is_written_whole_and_always_the_same(tmp_path, suffix):
    paths = [tmp_path / f"{index}{suffix}" for index in (0, 1)]
    for path in paths:
        wann.export("swingup52", path)
    assert paths[0].stat().st_size > 1000
    assert paths[0].read_bytes() == paths[1].read_bytes()
    wann.export(example("swingup52").network, tmp_path / f"2{suffix}", weights=example("swingup52").weights)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{index}{suffix}" for index in range(3)]


def test_endings_are_told_apart(tmp_path):
    wann.export("swingup52", tmp_path / "a.py")
    wann.export("swingup52", tmp_path / "a.pt.py")
    assert "import numpy" in (tmp_path / "a.py").read_text()
    assert "import torch" in (tmp_path / "a.pt.py").read_text()


@pytest.mark.parametrize("name", ["champion.zip", "champion", "champion.json", ".py", "a.ONNX"])
def test_an_unknown_ending_is_refused(name):
    with pytest.raises(ConfigError) as error:
        wann.export("none", name)  # before the network is looked for
    assert str(error.value) == f"path must be a name that ends in {SUFFIXES}; got {name!r}"


def test_nothing_is_overwritten(tmp_path):
    path = tmp_path / "a.c"
    path.write_text("mine")
    with pytest.raises(CheckpointError) as error:
        wann.export("swingup52", path)
    assert str(error.value) == f"path must be a new file, nothing is overwritten; got {str(path)!r}"
    assert path.read_text() == "mine"
    with pytest.raises(CheckpointError) as error:
        wann.export("swingup52", tmp_path / "none" / "a.c")
    assert str(error.value) == f"path must be in a directory that exists; got {str(tmp_path / 'none' / 'a.c')!r}"


@pytest.mark.parametrize(("suffix", "extra"), [(kind.suffix, kind.extra) for kind in FORMATS if kind.extra])
def test_a_missing_extra_is_named(monkeypatch, suffix, extra):
    monkeypatch.setitem(sys.modules, extra, None)
    with pytest.raises(ConfigError) as error:
        check_path(f"a{suffix}")
    told = f"path must be no {suffix} without the extra {extra} (pip install '.[{extra}]'); got 'a{suffix}'"
    assert str(error.value) == told


def test_a_network_too_large_for_a_format_is_refused(tmp_path):
    with pytest.raises(ConfigError) as error:
        wann.export("digits", tmp_path / "a.tex")
    assert str(error.value) == "network must be one of at most 300 connections for a .tex file; got 519"
    assert not [*tmp_path.iterdir()]


def test_what_the_disk_refuses_is_told(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wann_jax.exporting.api.write_atomically", full)
    path = tmp_path / "a.c"
    told = re.escape(f"{str(path)!r} cannot be written: [Errno 28] No space left on device")
    with pytest.raises(CheckpointError, match=f"^{told}$"):
        write(model("swingup52", True), path)
