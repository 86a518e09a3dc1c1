"""`wann export`, in one process."""

import pytest

from wann_jax.cli import main


@pytest.fixture
def wann(capsys, monkeypatch, tmp_path):
    """Runs the command line in a directory of its own; gives exit status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def call(line):
        capsys.readouterr()
        return main(line.split()), *capsys.readouterr()

    return call


def test_it_writes_a_file_and_says_what_it_is(wann, tmp_path):
    out = "a.c: a C function, 52 connections with weights of its own\n"
    assert wann("export swingup52 -o a.c") == (0, out, "")
    assert "float theta_dot = inputs[4];" in (tmp_path / "a.c").read_text()
    out = "a.py: a Python module that needs NumPy only, 52 connections with a shared weight as argument\n"
    assert wann("export swingup52 --out a.py --shared --task xor") == (0, out, "")
    assert "in_4 = inputs[..., 4]" in (tmp_path / "a.py").read_text()  # xor has no words for five inputs


MISTAKES = {
    "export swingup52 -o a.zip": "path must be a name that ends in .pt.py, .py, .c, .onnx, .tex, .out; got 'a.zip'",
    "export swingup52 -o none/a.c": "path must be in a directory that exists; got 'none/a.c'",
    "export swingup52 -o mine.c": "path must be a new file, nothing is overwritten; got 'mine.c'",
    "export none.json -o a.c": "network file 'none.json' cannot be read: "
    "[Errno 2] No such file or directory: 'none.json'",
    "export mine.c -o a.c": "task must be given: the matrix file 'mine.c' does not tell its sizes; got None",
    "export mine.c -o a.c --task xor": "mine.c must be a matrix of N rows and N + 1 columns; got (1, [1])",
    "export swingup52 -o a.c --task zip": "task must be one of biped, carracing, swingup, digits, mnist, xor, ",
    "export mnist1849 -o a.tex": "network must be one of at most 300 connections for a .tex file; got 1849",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line_and_nothing_is_written(wann, tmp_path, line):
    (tmp_path / "mine.c").write_text("mine")
    status, out, err = wann(line)
    assert (status, out, err[-1], err.count("\n")) == (2, "", "\n", 1)
    told = err[:-1] if not line.endswith("--task zip") else err[: 6 + len(MISTAKES[line])]  # it lists all tasks
    assert told == f"wann: {MISTAKES[line]}"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.c"]
    assert (tmp_path / "mine.c").read_text() == "mine"
