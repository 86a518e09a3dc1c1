"""`wann movie`."""

import numpy as np
import pytest
from PIL import Image

from wann_jax.cli import main, movies


def test_a_network_of_the_zoo_is_filmed(tmp_path, capsys):
    out = tmp_path / "swing.gif"
    assert main(["movie", "swingup52", "-o", str(out), "--steps", "7"]) == 0
    assert capsys.readouterr().out == f"written: {out}\n"
    with Image.open(out) as image:
        assert image.n_frames == 4
    before = out.read_bytes()
    assert main(["movie", "swingup52", "-o", str(out)]) == 2
    assert "out must be a new file, nothing is overwritten" in capsys.readouterr().err
    assert out.read_bytes() == before
    for weight, same in (("tuned", True), ("1.5", False), ("-1.5", False)):
        other = tmp_path / f"{weight}.gif"
        assert main(["movie", "swingup52", "-o", str(other), "--steps", "7", f"--weight={weight}"]) == 0
        assert (other.read_bytes() == before) == same


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["swingup52", "--weight", "x"], "weight must be a number or 'tuned'; got 'x'"),
        (["biped", "--weight", "tuned"], "weight must be a number: 'biped' has no weights of its own"),
        (["xor", "--weight", "1"], "task must be an environment of gymnax, or the car; got 'xor'"),
        (["swingup52", "--task", "swingup", "--steps", "0"], "steps must be at least 1; got 0"),
    ],
)
def test_mistakes_are_answered_in_one_line(tmp_path, capsys, arguments, words):
    out = tmp_path / "a.gif"
    assert main(["movie", *arguments, "-o", str(out)]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_the_best_of_the_shared_weights_is_chosen(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(movies, "movie", lambda task, network, weight, *rest: seen.append(weight))
    monkeypatch.setattr(movies, "evaluate", lambda task, networks, weights, episodes: _returns(weights))
    assert main(["movie", "biped", "-o", str(tmp_path / "a.png")]) == 0
    assert seen == [-0.5]


def _returns(weights):
    return -np.abs(np.array(weights) + 0.5)[None, :, None]
