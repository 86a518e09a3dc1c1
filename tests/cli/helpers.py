"""A tiny search, and what is equal of two runs of it."""

import json

TINY = ("--preset", "quick", "--population-size", "24", "--champion-candidates", "3", "--seed", "3")
SEARCH = ("search", "xor", *TINY, "--checkpoint-interval", "4", "--generations", "12")


def rows(path):
    """The metrics without the column of times."""
    lines = (path / "metrics.jsonl").read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name != "seconds"} for line in lines]


def assert_same_run(path, other):
    assert rows(path) == rows(other)
    assert (path / "champion.json").read_bytes() == (other / "champion.json").read_bytes()
