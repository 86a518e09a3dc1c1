"""Damaged files of every kind load or are refused in one line; the fuzzer itself sees what it should."""

import json
import sys
import zipfile
from collections import Counter

import numpy as np
import pytest

from benchmarks import damage, fuzz
from wann_jax import DataError

FILES = 1000


def test_damaged_files_load_or_are_refused_in_one_line(tmp_path):
    """The first of those that `python -m benchmarks.fuzz` reads 10,000 of, by processes with limits."""
    fuzzer = fuzz.Fuzzer(tmp_path, seed=0)
    found = [fuzzer.outcome(index) for index in range(FILES)]
    result = fuzz.summary(found)
    assert result["failures"] == []
    assert result["slowest_seconds"] < fuzz.MOST_SECONDS
    for kind, counts in result["kinds"].items():
        assert counts["refused"] > 10 * fuzz.KINDS[kind].share, kind
        assert (counts["loaded"] > 0) == (kind != "checkpoint"), kind  # whose note sees every damage


def test_the_same_seed_damages_the_same_way_and_files_are_whole_again(tmp_path):
    table = tmp_path / "table"
    table.write_bytes(b"1,2\n3,4\n")
    kind = fuzz.Kind(None, damage.of_table, lambda path: seen.append(path.read_bytes()))
    fuzzer = fuzz.Fuzzer.__new__(fuzz.Fuzzer)
    fuzzer._seed, fuzzer._files = 5, {name: [table] for name in fuzz.KINDS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fuzz, "KINDS", dict.fromkeys(fuzz.KINDS, kind))
        rounds = []
        for _ in range(2):
            seen = []
            outcomes = [fuzzer.outcome(index)[:3] for index in range(40)]
            rounds.append((outcomes, list(seen)))
    assert rounds[0] == rounds[1]
    assert len({*seen}) > 20
    assert table.read_bytes() == b"1,2\n3,4\n"


def raises(error):
    def read(path):
        raise error

    return read


@pytest.mark.parametrize(
    ("read", "outcome"),
    [
        (str, "loaded"),
        (raises(DataError("one line")), "refused"),
        (raises(DataError("two\nlines")), "9 letters, 2 lines: two\nlines"),
        (raises(DataError("a" * 2000)), f"2000 letters, 1 lines: {'a' * 200}"),
        (raises(KeyError("x")), "KeyError: 'x'"),
        (raises(MemoryError()), "MemoryError: "),
    ],
)
def test_only_our_own_errors_in_one_line_refuse_a_file(tmp_path, read, outcome):
    assert fuzz.what_happens(read, tmp_path) == outcome


PROCESS = """
import json, os, sys
gib = 0.5
for index in range(int(sys.argv[1]), 6):
    if index == 2:
        os._exit(7)
    gib += 1.5 if index == 4 else 0.01
    print(json.dumps([index, "IDX", "loaded", 0.1, gib]), flush=True)
"""


def test_a_process_that_dies_or_grows_at_a_file_is_a_failure_of_that_file():
    found = [*fuzz.outcomes([sys.executable, "-c", PROCESS], 6)]
    words = ["loaded", "loaded", "the process ended, exit status 7", "loaded", "1.5 GiB more", "loaded"]
    assert [(each.number, each.outcome) for each in found] == [*enumerate(words)]
    assert [each["number"] for each in fuzz.summary(found)["failures"]] == [2, 4]


def test_json_is_damaged_in_many_ways():
    """Values that are another, lost, twice; text that is no JSON any more; but never nothing at all."""
    whole = {"a": [1, 2, 3], "b": {"c": "x"}}
    kinds = Counter()
    for index in range(300):
        text = damage.of_json(np.random.default_rng(index), json.dumps(whole).encode())
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            kinds[type(error).__name__] += 1
            continue
        kinds["same" if document == whole else type(document).__name__] += 1
        if isinstance(document, dict):
            kinds["lost"] += "a" not in document or "b" not in document
            kinds["twice"] += len(document.get("a") or "") == 4 if isinstance(document.get("a"), list) else 0
    assert {"JSONDecodeError", "RecursionError", "UnicodeDecodeError", "dict", "lost", "twice"} <= {*kinds}
    assert kinds["same"] < 30
    assert kinds["dict"] > 150


def test_headers_are_damaged_in_archives_that_are_sound(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=np.zeros((20, 2)), y=np.arange(20))
    whole, headers, sound = path.read_bytes(), set(), 0
    for index in range(200):
        path.write_bytes(damage.of_npz(np.random.default_rng(index), whole))
        try:
            with zipfile.ZipFile(path) as archive:
                contents = [archive.read(name) for name in archive.namelist()]
        except Exception:
            continue
        sound += 1
        headers |= {content[10:80] for content in contents}
    assert sound > 120
    assert len(headers) > 60
