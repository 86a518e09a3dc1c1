"""JSON is written in one place, in which numbers that are not finite are null."""

import json
from pathlib import Path

import pytest

from wann_jax.files import as_csv, strict_json

ROOT = Path(__file__).parents[1]


def test_numbers_that_are_not_finite_are_null():
    document = {"a": [float("nan"), 1.5], "b": {"c": float("-inf"), "d": "NaN"}}
    read = json.loads(strict_json(document, indent=1), parse_constant=pytest.fail)
    assert read == {"a": [None, 1.5], "b": {"c": None, "d": "NaN"}}
    assert strict_json([0.1, 1e-300, 10**30, None, True]) == json.dumps([0.1, 1e-300, 10**30, None, True])


def test_rows_become_a_table_in_which_such_numbers_are_empty():
    rows = [{"a": 1, "b": 0.1}, {"a": 2, "b": float("-inf")}]
    assert as_csv(rows) == "a,b\n1,0.1\n2,\n"
    assert as_csv(rows[1:], with_names=False) == "2,\n"
    assert as_csv([]) == ""


def test_nothing_else_writes_json():
    sources = [path for room in ("wann_jax", "scripts", "benchmarks") for path in (ROOT / room).rglob("*.py")]
    assert len(sources) > 100
    found = [path.name for path in sources if "json.dump" in path.read_text()]
    assert found == ["files.py"]
    assert "json.dump" in (ROOT / "wann_jax" / "files.py").read_text()
