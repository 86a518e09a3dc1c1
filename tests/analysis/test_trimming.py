"""Trimming: each round takes the connection whose loss costs least, found here by trying them one by one."""

import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import PlainGenome, from_plain
from wann_jax.errors import ConfigError

WEIGHTS = (-1.5, -0.5, 1.0, 2.0)
XOR = wann.make_task("xor")


def pairs_of(genome):
    enabled = np.asarray(genome.enabled_mask)
    ends = np.stack([genome.conn_source, genome.conn_target], -1)[enabled]
    return [tuple(pair) for pair in ends.tolist()]


def with_pairs(genome, pairs):
    enabled = [tuple(each) in pairs for each in np.stack([genome.conn_source, genome.conn_target], -1).tolist()]
    return genome.replace(conn_enabled=genome.enabled_mask & np.array(enabled))


def score_of(genome):
    return float(wann.evaluate(XOR, [wann.express(genome)], WEIGHTS, 1).mean())


def alive(pairs, num_fixed):
    """Without pairs into hidden nodes that lead nowhere."""
    left = [pair for pair in pairs if pair[1] < num_fixed or any(source == pair[1] for source, _ in pairs)]
    return left if len(left) == len(pairs) else alive(left, num_fixed)


def test_every_round_takes_the_connection_that_is_missed_least():
    genome = wann.load_genome("xor")
    rounds = []
    small = wann.trim(XOR, genome, 10, WEIGHTS, 1, on_round=lambda left, score: rounds.append((left, score)))
    pairs, found = alive(pairs_of(genome), genome.spec.num_fixed), []
    while len(pairs) > 10:
        scores = [score_of(with_pairs(genome, {*pairs} - {pair})) for pair in pairs]
        gone = pairs[int(np.argmax(scores))]
        pairs = alive([pair for pair in pairs if pair != gone], genome.spec.num_fixed)
        found.append((len(pairs), max(scores)))
    assert len(rounds) > 1
    assert [left for left, _ in rounds] == [left for left, _ in found]
    np.testing.assert_allclose([score for _, score in rounds], [score for _, score in found], rtol=1e-5)
    assert int(small.num_enabled) == int(small.num_connections) == rounds[-1][0]
    np.testing.assert_allclose(score_of(small), rounds[-1][1], rtol=1e-5)


def test_dead_connections_go_first_and_for_nothing():
    spec = wann.GenomeSpec.for_task(2, 1, (1,), 4)
    alive, dead = [(1, 3, True), (2, 3, True), (2, 4, True), (4, 3, True)], [(0, 5, True), (5, 6, True)]
    genome = from_plain(spec, PlainGenome([1] * 7, alive + dead))
    rounds = []
    small = wann.trim(XOR, genome, 4, WEIGHTS, 1, on_round=lambda *told: rounds.append(told))
    assert (rounds, int(small.num_enabled), int(small.num_hidden)) == ([], 4, 1)
    smaller = wann.trim(XOR, genome, 3, WEIGHTS, 1, on_round=lambda *told: rounds.append(told))
    assert len(rounds) == 1
    assert int(smaller.num_enabled) <= 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"connections": 0}, "connections must be at least 1; got 0"),
        ({"connections": 3, "episodes": 0}, "episodes must be at least 1; got 0"),
        ({"connections": 3, "shared_weights": ()}, "weights must be at least one number"),
        ({"connections": 3, "seed": -1}, "seed must be between 0 and"),
    ],
)
def test_bad_arguments_are_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        wann.trim(XOR, wann.load_genome("xor"), **changes)


def test_a_network_for_another_task_is_refused():
    with pytest.raises(ConfigError, match="inputs"):
        wann.trim(XOR, wann.load_genome("swingup52"), 40)
