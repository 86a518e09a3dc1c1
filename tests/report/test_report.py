"""What is shown: progress on a terminal, tables, JSON."""

import json

import numpy as np
import pytest

import wann_jax as wann
from wann_jax.evolution.loop import start
from wann_jax.files import strict_json
from wann_jax.report.tables import print_scores, score_document


@pytest.fixture(scope="module")
def genome():
    state = start(wann.make_task("xor"), wann.SearchConfig.preset("xor", "quick"), 0)
    return state.champion


def document(genome, scores, **facts):
    return score_document((-1.0, 2.0), np.asarray(scores, np.float32), genome, **facts)


@pytest.mark.parametrize("title", ["classify:a[/b].npz", "classify:[bold]x", None])
def test_a_title_is_shown_as_it_is(genome, capsys, title):
    facts = {} if title is None else {"title": title}
    print_scores(document(genome, [[1, 2], [3, 5]], **facts), "return")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == title or (title is None and lines[0].startswith("\u250f"))
    rows = [line.replace("\u2502", " ").split() for line in lines if line.startswith("\u2502")]
    assert rows == [["-1", "1.5", "0.5", "2"], ["2", "4", "1", "2"], ["all", "2.75", "1.48"]]


def test_numbers_that_are_not_finite_are_null_in_json(genome):
    text = strict_json(document(genome, [[1, np.nan], [np.inf, 5]]))

    def refuse(name):
        raise ValueError(name)

    read = json.loads(text, parse_constant=refuse)
    assert [row["mean"] for row in read["weights"]] == [None, None]
    assert (read["mean"], read["num_nodes"]) == (None, 4)
