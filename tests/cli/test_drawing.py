"""`wann draw`: files that appear whole, and one line for every mistake."""

import shutil

import networkx as nx
import pytest

from wann_jax import zoo
from wann_jax.cli import main


@pytest.fixture
def wann(capsys, monkeypatch, tmp_path):
    """Runs the command line in a directory of its own; gives exit status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def call(*args):
        capsys.readouterr()
        return main(list(args)), *capsys.readouterr()

    return call


def test_draws_every_kind_of_file(wann, tmp_path):
    for name in ("a.svg", "a.png", "a.pdf", "a.dot", "a.graphml"):
        assert wann("draw", "xor", "-o", name) == (0, f"written: {name}\n", "")
        assert (tmp_path / name).stat().st_size > 1000
    assert "a xor b" in (tmp_path / "a.svg").read_text()
    assert len(list(tmp_path.iterdir())) == 5


def test_options_make_a_difference(wann, tmp_path):
    assert wann("draw", "carracing", "--out", "all.graphml")[0] == 0
    assert wann("draw", "carracing", "--out", "gas.graphml", "--highlight", "gas", "--no-weights")[0] == 0
    whole, part = (nx.read_graphml(tmp_path / name) for name in ("all.graphml", "gas.graphml"))
    assert whole.number_of_edges() == 90
    assert part.number_of_edges() < 60
    assert all("weight" in facts for *_, facts in whole.edges(data=True))
    assert not any("weight" in facts for *_, facts in part.edges(data=True))


def test_a_run_directory_stands_for_its_champion(wann, tmp_path):
    (tmp_path / "run").mkdir()
    shutil.copy(zoo.file_of("swingup52"), tmp_path / "run" / "champion.json")
    assert wann("draw", "run", "-o", "run.svg")[0] == 0
    text = (tmp_path / "run.svg").read_text()
    assert ">force<" in text
    assert ">run<" in text


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("xor", "-o", "a.gif"), "out must be a name that ends in .svg, .png, .pdf, .dot, .graphml; got 'a.gif'"),
        (("xor", "-o", "taken.svg"), "out must be a new file, nothing is overwritten; got 'taken.svg'"),
        (
            ("xor", "-o", "no/a.svg"),
            "out must be a file that can be written; got 'no/a.svg': No such file or directory",
        ),
        (("xor", "-o", "a.svg", "--highlight", "b"), "highlight must be one of a xor b; got 'b'"),
        (("xor", "-o", "a.svg", "--highlight", "1"), "highlight must be one of a xor b; got '1'"),
        (
            ("bad.json", "-o", "a.svg"),
            "bad.json must be a network file in our format; got Expecting value: line 1 column 1 (char 0)",
        ),
        (("swingup", "-o", "a.svg", "--task", "swingupp"), None),
    ],
)
def test_mistakes_get_one_line_and_leave_no_file(wann, tmp_path, args, line):
    (tmp_path / "taken.svg").write_text("kept")
    (tmp_path / "bad.json").write_text("no json")
    status, out, err = wann("draw", *args)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert line is None or err == f"wann: {line}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.json", "taken.svg"]
    assert (tmp_path / "taken.svg").read_text() == "kept"
