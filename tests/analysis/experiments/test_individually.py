"""Searches under individual random weights: evaluated one network and draw at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from wann_jax.analysis.experiments.individually import RANGE, IndividualWeights
from wann_jax.kernels.forward import forward
from wann_jax.kernels.losses import CrossEntropy


def test_every_network_is_judged_under_the_same_individual_weights():
    task = IndividualWeights(wann.make_task("digits", batch_size=40))
    network = wann.load_network("digits")
    networks = wann.stack_networks([network, network])
    found = jax.jit(task.evaluate, static_argnums=3)(networks, jnp.ones(3), jax.random.key(2), 1)
    batch_key, draw_key = jax.random.split(jax.random.key(2))
    batch = jax.random.permutation(batch_key, task.task.labels["train"].shape[0])[:40]
    vectors = jax.random.uniform(draw_key, (3, network.spec.max_connections), minval=-RANGE, maxval=RANGE)
    run = jax.jit(lambda vector: forward(network, vector, task.task.inputs["train"][batch]))
    outputs = jnp.stack([run(vector[: int(network.num_connections)]) for vector in vectors])
    wanted = -CrossEntropy(task.task.labels["train"][batch])(outputs)
    np.testing.assert_allclose(found.returns, np.stack([wanted, wanted]), rtol=1e-3)
    assert found.work.tolist() == [120.0, 120.0]
    scores = task.score(networks, jnp.ones(2), jax.random.key(3), 1, "validation")
    assert scores.shape == (2, 2, 1)
    assert 0.0 < float(scores.min()) == pytest.approx(float(scores[0].min()))
    assert float(scores.max()) < 0.5
