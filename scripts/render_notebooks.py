"""Makes the notebooks, scripts/notebooks/*.ipynb, from their sources beside them: runs all cells and keeps outputs.

python scripts/render_notebooks.py [NAME...] [--quick]
In: sources in jupytext's percent format. Out: notebooks, with a badge for Colab if pyproject.toml names a repository.
"""

import argparse
import re
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent / "notebooks"
SWITCH = "QUICK = False"  # stands in the first cell of code of each source
CELL_SECONDS = 3600
MOST_OUTPUT = 800_000  # characters of one cell that are kept


def names() -> list[str]:
    """What the notebooks are called."""
    return sorted(path.stem for path in FOLDER.glob("*.py"))


def read(name: str, quick: bool = False) -> Any:
    """The notebook of a source, not run yet."""
    notebook = jupytext.read(FOLDER / f"{name}.py")
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert SWITCH in first.source, f"{name}: the first cell of code sets {SWITCH}"
    if quick:
        first.source = first.source.replace(SWITCH, "QUICK = True")
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index}"  # the same with every rendering
    return notebook


def run(notebook: Any, folder: Path) -> Any:
    """Runs all cells in a new kernel whose working directory is `folder`. Raises CellExecutionError."""
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, kernel_name="python3", resources={"metadata": {"path": folder}}
    )
    client.execute()
    return notebook


def badge(name: str) -> Any | None:
    """A cell that opens the notebook in Colab."""
    project = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text())["project"]
    found = re.fullmatch(r"https://github\.com/([^/]+/[^/]+?)/?", project.get("urls", {}).get("Repository", ""))
    if not found:
        return None
    address = f"https://colab.research.google.com/github/{found[1]}/blob/main/scripts/notebooks/{name}.ipynb"
    picture = "https://colab.research.google.com/assets/colab-badge.svg"
    return nbformat.v4.new_markdown_cell(f"[![Open in Colab]({picture})]({address})", id="badge")


def tidied(notebook: Any) -> Any:
    """Without the lines of progress, times of cells and outputs that are too large to be shown."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        kept = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            is_progress = output.output_type == "display_data" and data.keys() == {"text/plain"}
            if is_progress or (output.output_type == "stream" and output.name == "stderr"):
                continue
            for kind in [kind for kind, value in data.items() if len(str(value)) > MOST_OUTPUT]:
                data[kind] = "(too large to be kept here)" if kind == "text/plain" else ""
                if kind != "text/plain":
                    del data[kind]
            kept.append(output)
        if cell.cell_type == "code":
            cell.outputs = kept
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return notebook


def main() -> None:
    """Renders the notebooks that are named, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=names())
    parser.add_argument("--quick", action="store_true", help="small sizes, as the tests take them")
    options = parser.parse_args()
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            notebook = tidied(run(read(name, options.quick), Path(folder)))
        opened = badge(name)
        notebook.cells = [*([opened] if opened else []), *notebook.cells]
        nbformat.write(notebook, FOLDER / f"{name}.ipynb")
        print("written:", FOLDER / f"{name}.ipynb", flush=True)


if __name__ == "__main__":
    main()
