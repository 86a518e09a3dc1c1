"""The protocol's rows against their definitions; ensembles; what is refused."""

import numpy as np
import pytest

import wann_jax as wann
from tests.tuning.test_tuning import blob_network, blobs, xor_network
from wann_jax.analysis import protocol as protocol_module
from wann_jax.analysis.protocol import averaged, best_shared_weight, disagreement, protocol, size_of, vote
from wann_jax.errors import ConfigError
from wann_jax.tasks.tunable import tunable


def by_name(rows):
    return {row["row"]: row for row in rows}


def test_rows_of_a_function_task():
    task = tunable(wann.make_task("xor"))
    seen = []
    rows = protocol(task, xor_network(), np.zeros(9), trials=40, seed=3, on_row=lambda row: seen.append(row["row"]))
    assert seen == [row["row"] for row in rows]
    named = by_name(rows)
    assert list(named) == ["random weights", "random shared weight", "tuned shared weight", "tuned weights"]
    # Weights of 0 answer 0 everywhere: right for two of four.
    assert named["tuned weights"]["mean"] == 0.5
    assert named["tuned weights"]["std"] == 0.0
    uniform = np.random.default_rng(3).uniform(-2, 2, (40, 9)).astype(np.float32)
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    returns = []
    for vector in uniform:
        outputs = np.clip(wann.forward(xor_network(), vector, inputs)[:, 0], 0, 1)
        returns.append(1 - np.square(outputs - [0, 1, 1, 0]).mean())
    np.testing.assert_allclose(named["random weights"]["mean"], np.mean(returns), rtol=1e-5)
    np.testing.assert_allclose(named["random weights"]["std"], np.std(returns), rtol=1e-4)
    assert named["random shared weight"]["std_within_weight"] == 0.0  # nothing differs from episode to episode
    assert named["random shared weight"]["weights"] == 4


def test_the_best_shared_weight_is_that_of_a_grid():
    task = tunable(wann.make_task("xor"))
    best = best_shared_weight(task, xor_network())
    grid = np.linspace(-2, 2, 201).tolist()
    scores = wann.evaluate(task, [xor_network()], grid, episodes=1)[0, :, 0]
    found = wann.evaluate(task, [xor_network()], [best], episodes=1)[0, 0, 0]
    assert found >= scores.max()


def test_the_deviation_within_a_weight_counts_one_less(monkeypatch):
    """Over the episodes of a weight, so that its expectation does not depend on their number."""
    made_up = np.random.default_rng(0).normal(size=(5, 10))
    monkeypatch.setattr(protocol_module, "_scores", lambda *arguments: made_up)
    row = protocol_module._random_shared(tunable(wann.make_task("xor")), xor_network(), 50, 0, "test")
    np.testing.assert_allclose(row["std_within_weight"], np.sqrt(np.var(made_up, -1, ddof=1).mean()))


def test_the_best_shared_weight_stays_where_random_ones_come_from(monkeypatch):
    monkeypatch.setattr(protocol_module, "_scores", lambda task, network, weights, *rest: np.abs(weights)[:, None])
    assert abs(best_shared_weight(tunable(wann.make_task("xor")), xor_network())) == 2.0


def test_rows_of_a_classifier():
    rows = by_name(protocol(blobs(), blob_network(), np.linspace(-1, 1, 9), trials=30))
    votes = rows["ensemble, one vote each"]
    assert (votes["trials"], votes["images"], votes["std"]) == (1, 100, None)
    assert set(votes["by_weight"]) == {"-2", "-1", "-0.5", "0.5", "1", "2"}
    assert all(len(entry["by_class"]) == 3 for entry in votes["by_weight"].values())
    assert rows["random shared weight"]["trials"] == 30
    assert rows["random shared weight"]["std_within_weight"] is None
    assert 0 <= rows["one weight, matched input noise, votes"]["noise"] <= 0.5
    assert {"ensemble, averaged probabilities", "one weight, matched input noise, averaged"} < set(rows)


def test_rows_can_stay_off_the_test_images():
    task = blobs()
    hidden = task.replace(labels=task.labels | {"test": (task.labels["test"] + 1) % 3})
    weights = np.linspace(-1, 1, 9)
    rows, same = (protocol(each, blob_network(), weights, trials=10, split="validation") for each in (task, hidden))
    assert rows == same
    assert rows != protocol(task, blob_network(), weights, trials=10)
    assert rows[-1]["images"] == task.labels["validation"].shape[0]


def test_votes_means_and_disagreement():
    outputs = np.array([[[3.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [2.0, 0.0]], [[0.0, 9.0], [0.0, 1.0]]])  # [W, B, O]
    assert vote(outputs).tolist() == [0, 1]
    assert averaged(outputs).tolist() == [0, 1]
    assert disagreement(outputs) == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    tied = outputs[1:]
    assert vote(tied).tolist() == [1, 0]  # the surer member decides


def test_outputs_that_are_no_numbers_have_no_vote():
    """Samples: no member answers; one does; one is infinitely sure."""
    nan, inf = np.nan, np.inf
    outputs = np.array([[[nan, nan], [nan, 0.0], [0.0, inf]], [[nan, 1.0], [0.0, 1.0], [nan, nan]]])
    assert vote(outputs).tolist() == averaged(outputs).tolist() == [-1, 1, 1]
    assert disagreement(outputs) == pytest.approx(2 / 3)


def test_sizes():
    assert size_of(xor_network()) == {"connections": 9, "live_connections": 9, "hidden": 2}


def test_what_does_not_fit_is_refused():
    task = tunable(wann.make_task("xor"))
    with pytest.raises(ConfigError, match=r"^weights must be one number for each of the 9 connections; got \(3,\)$"):
        protocol(task, xor_network(), np.zeros(3))
    with pytest.raises(ConfigError, match=r"^weights must be finite"):
        protocol(task, xor_network(), np.full(9, np.nan))
    with pytest.raises(ConfigError, match=r"^trials must be at least 10; got 3"):
        protocol(task, xor_network(), trials=3)
    with pytest.raises(ConfigError, match=r"^split must be one of validation, test; got 'train'"):
        protocol(task, xor_network(), split="train")
    with pytest.raises(ConfigError, match=r"^network must be of 5 inputs"):
        protocol(tunable(wann.make_task("swingup")), xor_network())
