"""Baselines on small tasks: they learn, have the sizes they claim, and suit their tasks only."""

import jax
import numpy as np
import pytest

from tests.tuning.test_tuning import blobs
from wann_jax.analysis import baselines
from wann_jax.analysis.baselines import Classifier, fit, run_baseline
from wann_jax.errors import ConfigError

SETTINGS = dict(connections=60, epochs=40, steps=4, seed=0)


@pytest.fixture
def small(monkeypatch):
    """Three classes of points instead of the named task."""
    monkeypatch.setattr(baselines, "make_task", lambda name, **options: blobs())


CONNECTIONS = {"softmax": 2 * 3 + 3, "mlp": 2 * 128 + 128 * 3, "pruned": 60, "pruned-stepwise": 60}


@pytest.mark.parametrize(("name", "connections"), CONNECTIONS.items())
def test_classifiers_learn(small, name, connections):
    document = run_baseline(name, "digits", {}, **SETTINGS)
    assert document["connections"] == connections
    assert document["test_accuracy"] > 0.8
    assert document["baseline"] == name


def test_masked_weights_stay_zero():
    model, task = Classifier((8, 3), use_bias=False), blobs()
    params = model.init(jax.random.key(0), task.inputs["train"][:1])
    mask = jax.tree.map(
        lambda leaf: (jax.random.uniform(jax.random.key(1), leaf.shape) < 0.5).astype(leaf.dtype), params
    )
    result = fit(model, task, 1, 0, params, mask)
    for leaf, kept in zip(jax.tree.leaves(result.params), jax.tree.leaves(mask), strict=True):
        np.testing.assert_array_equal(np.asarray(leaf)[np.asarray(kept) == 0], 0.0)
        assert np.abs(np.asarray(leaf)).sum() > 0


def test_a_policy_is_tuned_for_control():
    document = run_baseline("mlp-policy", "swingup", {"max_steps": 30}, **SETTINGS)
    assert document["connections"] == 6 * 8 + 9
    assert [len(curve) for curve in document["curves"]] == [5, 5, 5]
    assert document["trials"] == 1000
    assert np.isfinite(document["test_return"])


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        (
            "magic",
            "digits",
            "baseline must be one of softmax, mlp, mlp28, pruned, pruned-stepwise, mlp-policy; got 'magic'",
        ),
        ("mlp", "swingup", "baseline must be one of mlp-policy for task 'swingup'; got 'mlp'"),
        ("mlp28", "digits", "baseline must be another one: only mnist has images of 28 x 28; got 'mlp28'"),
    ],
)
def test_what_does_not_suit_is_refused(name, task, message):
    with pytest.raises(ConfigError) as caught:
        run_baseline(name, task, {}, **SETTINGS)
    assert str(caught.value) == message
