"""The page of several runs."""

import json
import re

import pytest

from tests.pages.browser import needs_chromium, run_in
from wann_jax.cli import main
from wann_jax.errors import CheckpointError, ConfigError
from wann_jax.pages.comparing import write_comparison


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = []
    for seed, generations in ((0, 4), (1, 6)):
        path = tmp_path_factory.mktemp("runs") / f"xor{seed}"
        sizes = ["--population-size", "16", "--generations", str(generations), "--seed", str(seed)]
        assert main(["search", "xor", "--preset", "quick", "--out", str(path), *sizes]) == 0
        made.append(path)
    return made


@needs_chromium
def test_curves_of_all_runs_stand_side_by_side(runs, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["compare", *map(str, runs), "--out", str(page)]) == 0
    found = run_in(page, "return {plots: document.querySelectorAll('.uplot').length};", tmp_path)
    assert found == {"plots": 4, "complaints": []}
    text = page.read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1))
    assert [len(run["generation"]) for run in data["runs"]] == [4, 6]
    assert "generations 4" in text
    assert "population size" not in text  # they have it alike


def test_mistakes_are_one_line(runs, tmp_path):
    with pytest.raises(ConfigError, match="runs must be at least two; got 1"):
        write_comparison(runs[:1], tmp_path / "page.html")
    with pytest.raises(CheckpointError, match="run must be a directory that holds a run"):
        write_comparison([runs[0], tmp_path], tmp_path / "page.html")
    page = tmp_path / "mine.html"
    page.write_text("mine")
    with pytest.raises(CheckpointError, match="out must be a new file"):
        write_comparison(runs, page)
    assert page.read_text() == "mine"
