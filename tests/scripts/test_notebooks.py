"""The notebooks run from a clean kernel, with small sizes, and what is shown of them is what their sources say."""

import os
import sys
from pathlib import Path

import nbformat
import pytest

from scripts import render_notebooks


@pytest.mark.parametrize("name", render_notebooks.names())
def test_it_runs(name, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    notebook = render_notebooks.run(render_notebooks.read(name, quick=True), tmp_path)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    outputs = [output for cell in cells for output in cell.outputs]
    lines = [sum(output.get("data", {}).keys() == {"text/plain"} for output in cell.outputs) for cell in cells]
    assert max(lines) == (3 if name == "this_device" else 1)  # progress is a line that changes, one for each search
    text = "".join(output.get("text", "") for output in outputs)
    assert "runs on" in text or "swing-up, laptop" in text
    if name != "this_device":
        assert any({"image/png", "image/svg+xml", "text/html"} & output.get("data", {}).keys() for output in outputs)


@pytest.mark.parametrize("name", render_notebooks.names())
def test_the_rendered_one_is_up_to_date(name):
    shown = nbformat.read(render_notebooks.FOLDER / f"{name}.ipynb", as_version=4)
    cells = [cell for cell in shown.cells if cell.id != "badge"]
    source = render_notebooks.read(name)
    assert [cell.source for cell in cells] == [cell.source for cell in source.cells]
    assert (render_notebooks.FOLDER / f"{name}.ipynb").stat().st_size < 2_500_000
    assert all("outputs" not in cell or cell.execution_count for cell in cells)
