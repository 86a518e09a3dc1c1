"""Rows of metrics: whole ones in order, damaged lines by number."""

import json

import pytest

from wann_jax.runs.rows import Rows, in_words, read_rows


def row(generation):
    return {"generation": generation, "return_max": 0.5, "work": None}


def test_damaged_lines_are_numbered(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert read_rows(path) == Rows([], [])
    good = [json.dumps(row(generation)).encode() for generation in range(4)]
    bad = [b"\xff\xfe", b"7", b"[]", b"", b'{"generation": 1}', good[0] + good[1], good[1].replace(b"1", b"-1")]
    bad += [good[1].replace(b"1", b"true"), good[1].replace(b"0.5", b"[" * 9 + b"]" * 9), b"[" * 100_000]
    for each in bad:
        path.write_bytes(b"\n".join([good[0], each, *good[2:], good[1][:9]]))
        assert read_rows(path) == Rows([row(0), row(2), row(3)], [2]), each


def test_of_two_rows_for_a_generation_the_one_at_its_place_counts():
    changed = {**row(2), "return_max": 0.75}
    assert Rows([row(0), row(2), changed, row(3)], []).before(9) == [row(0), changed, row(3)]
    assert Rows([row(0), changed, row(1), row(0)], []).before(2) == [row(0), row(1)]


@pytest.mark.parametrize(("numbers", "words"), [([], ""), ([3], "3"), ([3, 4], "3-4"), ([1, 5, 6, 7, 9], "1, 5-7, 9")])
def test_numbers_side_by_side_are_a_span(numbers, words):
    assert in_words(numbers) == words
