"""Rows of metrics.jsonl: one for each generation, in order; damaged ones are found, not passed over.

In: a file. Out: its whole rows, and the numbers of the lines that are none.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

Row = dict[str, Any]


class Rows(NamedTuple):
    """What a file of metrics holds."""

    whole: list[Row]
    damaged: list[int]  # numbers of lines, from 1

    def before(self, generation: int) -> list[Row]:
        """One row for each earlier generation that has any, in order."""
        found: dict[int, Row] = {}
        for index, row in enumerate(self.whole):  # of two for a generation, the one that stands at its place
            if row["generation"] < generation and (row["generation"] not in found or row["generation"] == index):
                found[row["generation"]] = row
        return [found[each] for each in sorted(found)]


def read_rows(path: Path) -> Rows:
    """All rows; a last one that was only half written is left out, for a resumed run writes it again."""
    whole, _, _ = path.read_bytes().rpartition(b"\n") if path.exists() else (b"", b"", b"")
    rows = [_row(line) for line in whole.split(b"\n")] if whole else []
    kinds = Counter(tuple(row) for row in rows if row is not None)
    names = kinds.most_common(1)[0][0] if kinds else ()
    rows = [row if row is not None and tuple(row) == names else None for row in rows]
    damaged = [index for index, row in enumerate(rows, 1) if row is None]
    return Rows([row for row in rows if row is not None], damaged)


def _row(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or any(isinstance(value, list | dict | str | bool) for value in row.values()):
        return None
    generation = row.get("generation")
    return row if isinstance(generation, int) and generation >= 0 else None


def in_words(numbers: Iterable[int]) -> str:
    """Whole numbers in order, those side by side as a span: 3, 5-7."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number])
    return ", ".join("-".join(map(str, span)) for span in spans)
