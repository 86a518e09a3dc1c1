"""The README's Python blocks run as they stand, and its commands and names exist."""

import re
from pathlib import Path

import pytest

from wann_jax.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("index", range(len(BLOCKS)))
def test_python_block_runs_and_prints_finite_numbers(index, capsys):
    names: dict[str, object] = {}
    exec(compile(BLOCKS[index], f"README.md, block {index}", "exec"), names)
    printed = re.findall(r"-?\d+\.?\d*(?:e-?\d+)?|nan|inf", capsys.readouterr().out)
    assert printed
    assert not {"nan", "inf"} & set(printed)
    if "returns" in names and "outputs" in names:
        assert names["returns"].shape == (1, 2, 10)
        assert names["outputs"].shape == (2, 1)


def test_every_task_in_the_table_is_known(capsys):
    table = re.search(r"## Tasks\n(.*?)\n\n[A-Z]", README, flags=re.DOTALL).group(1)
    in_readme = re.findall(r"^\| `([^`]+)` \|", table, flags=re.MULTILINE)
    assert main(["tasks"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert in_readme == listed
