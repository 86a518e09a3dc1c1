"""Distillation: a mixture is the task's loss at that temperature and share; the best is chosen by validation alone."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.tuning.test_tuning import blobs
from wann_jax.analysis.baselines import dense_topology
from wann_jax.analysis.experiments.distillation import chosen, mixed
from wann_jax.genomes.activation_ids import RELU


def test_a_mixture_is_that_of_a_task_taught_so():
    task, topology = blobs(), dense_topology(2, 4, 3, RELU)
    weights = jnp.asarray(np.random.default_rng(0).normal(size=27), jnp.float32)

    def teacher(inputs):
        return 3.0 * inputs @ jnp.array([[1.0, 0.0, -1.0], [0.0, 1.0, 1.0]])

    def loss(of):
        return float(of.loss_of_weights(topology, jax.random.key(0), 50, 0, 0.0)(weights))

    other = mixed(task.taught(teacher, 2.0, 0.9), jnp.array([4.0, 0.5]))
    assert loss(other) == loss(task.taught(teacher, 4.0, 0.5))
    assert loss(mixed(other, jnp.array([1.0, 0.0]))) == loss(task)
    assert loss(other) != loss(task)


def test_the_mixture_is_chosen_without_a_look_at_the_test():
    def row(mix, validation, test):
        return {"arm": "a", "temperature": 2.0, "mix": mix, "validation": validation, "test": test}

    rows = [row(0.0, [0.9, 0.9], [0.8, 0.8]), row(0.5, [0.7, 0.8], [0.99, 0.99]), row(0.9, [0.8, 0.8], [0.1, 0.1])]
    control, best = chosen({"rows": rows})["a"]
    assert (control["mix"], best["mix"]) == (0.0, 0.9)
