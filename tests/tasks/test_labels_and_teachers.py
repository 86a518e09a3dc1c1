"""Random labels and teachers: data that are not the data set's own labels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.tuning.test_tuning import blob_network, blobs
from wann_jax import ConfigError, DataError
from wann_jax.kernels.losses import CrossEntropy, Distillation
from wann_jax.networks.layered import Topology


def dataset():
    random = np.random.default_rng(0)
    inputs = {name: random.normal(size=(count, 2)).astype(np.float32) for name, count in sizes().items()}
    labels = {name: random.integers(0, 5, count).astype(np.int32) for name, count in sizes().items()}
    return wann.Dataset(inputs, labels, 5)


def sizes():
    return {"train": 1000, "validation": 30, "test": 20}


def test_a_share_of_the_training_labels_is_random_and_more_of_them_are_the_same_ones():
    true = dataset()
    half, most, all_of_them = (true.with_random_labels(share, 3).labels for share in (0.5, 0.8, 1.0))
    assert (true.with_random_labels(0.0, 3).labels["train"] == true.labels["train"]).all()
    changed = half["train"] != true.labels["train"]
    assert changed.mean() == pytest.approx(0.5 * 0.8, abs=0.05)  # a fifth of the draws are the true ones
    assert (most["train"][changed] == half["train"][changed]).all()
    assert np.bincount(all_of_them["train"]).tolist() == pytest.approx([200] * 5, abs=50)
    assert (all_of_them["train"] == true.labels["train"]).mean() == pytest.approx(0.2, abs=0.05)
    for split in ("validation", "test"):
        assert (all_of_them[split] == true.labels[split]).all()
    assert (true.with_random_labels(1.0, 4).labels["train"] != all_of_them["train"]).any()
    with pytest.raises(DataError, match="share must be between 0 and 1"):
        true.with_random_labels(1.5, 0)


def test_a_shortened_data_set_has_the_first_samples():
    true = dataset()
    short = true.shortened(7)
    assert (short.inputs["train"] == true.inputs["train"][:7]).all()
    assert short.labels["train"].tolist() == true.labels["train"][:7].tolist()
    assert len(short.labels["test"]) == 20
    with pytest.raises(DataError, match="samples must be a whole number between 1 and 1000; got 1001"):
        true.shortened(1001)


def test_the_loss_mixes_labels_and_a_teachers_softened_classes():
    random = np.random.default_rng(0)
    outputs, teacher = random.normal(size=(3, 4, 5)), random.normal(size=(4, 5))
    labels = np.array([0, 4, 2, 2])

    def log_softmax(z):
        return z - np.log(np.exp(z).sum(-1, keepdims=True))

    hard = -log_softmax(outputs)[:, np.arange(4), labels].mean(1)
    soft = -(np.exp(log_softmax(teacher / 3.0)) * log_softmax(outputs / 3.0)).sum(-1).mean(1)
    given = (jnp.asarray(labels, jnp.int32), jnp.asarray(teacher, jnp.float32), jnp.float32(3.0), jnp.float32(0.7))
    found = Distillation(*given)(jnp.asarray(outputs, jnp.float32))
    np.testing.assert_allclose(found, 0.3 * hard + 0.7 * 9.0 * soft, rtol=1e-5)
    scaled = Distillation(*given, deviation=2.0)(jnp.asarray(50.0 * outputs + 3.0, jnp.float32))
    np.testing.assert_allclose(
        scaled, Distillation(*given, deviation=2.0)(jnp.asarray(outputs, jnp.float32)), rtol=1e-4
    )
    plain = Distillation(*given[:3], jnp.float32(0.0), deviation=2.0)(jnp.asarray(outputs, jnp.float32))
    wanted = CrossEntropy(given[0], 2.0)(jnp.asarray(outputs, jnp.float32))
    np.testing.assert_allclose(plain, wanted, rtol=1e-5)


def test_tuning_learns_what_the_teacher_says_even_against_the_labels():
    task, network = blobs(), blob_network()

    def contrary(inputs):
        """The right class, shifted by one: what no label says."""
        centres = np.array([[0.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
        return -10.0 * np.roll(np.square(np.asarray(inputs)[:, None] - centres).sum(-1), 1, axis=1)

    config = wann.TuneConfig.for_task(True, "adam", steps=300, validation_interval=300, minibatch_size=64)
    taught = task.taught(contrary, temperature=1.0, mix=1.0)
    # Whatever it scores, the last weights: the choice by the labels would keep the start.
    contrary_task = taught.replace(labels={name: (label + 1) % 3 for name, label in task.labels.items()})
    assert wann.tune(contrary_task, network, 0.5, "adam", config).score > 0.97
    kept = taught.with_all_images()
    assert kept.teacher.outputs["train"].shape == (500, 3)
    half = task.taught(contrary, temperature=1.0, mix=0.0)
    assert wann.tune(half, network, 0.5, "adam", config).score > 0.97  # labels alone


def test_searches_see_the_teacher_too():
    task, networks = blobs(), jax.tree.map(lambda table: table[None], blob_network())
    weights, key = jnp.array([-1.0, 0.5]), jax.random.key(0)
    taught = task.taught(lambda inputs: jnp.concatenate([inputs, inputs[:, :1]], axis=1), 2.0, 0.5)
    (found,) = taught.evaluate(networks, weights, key, 1).returns
    losses = [
        taught.loss_of_weights(Topology.of(blob_network()), jax.random.key(0), 20_000, 0, 0.0)(jnp.full(9, weight))
        for weight in weights.tolist()
    ]
    np.testing.assert_allclose(found, [-float(loss) for loss in losses], rtol=0.03)
    plain = task.evaluate(networks, weights, key, 1).returns
    assert (jnp.abs(plain[0] - found) > 0.05).all()


@pytest.mark.parametrize(
    ("teacher", "settings", "message"),
    [
        (lambda inputs: inputs, {}, "teacher must be a function to outputs of shape (400, 3); got (400, 2)"),
        (lambda inputs: jnp.full((len(inputs), 3), jnp.nan), {}, "teacher must be a function to finite outputs"),
        (jnp.copy, {"temperature": 0.0}, "temperature must be finite and above 0; got 0.0"),
        (jnp.copy, {"mix": 1.5}, "mix must be between 0 and 1; got 1.5"),
    ],
)
def test_a_teacher_that_does_not_fit_is_told_in_one_line(teacher, settings, message):
    with pytest.raises(ConfigError) as error:
        blobs().taught(teacher, **settings)
    assert message in str(error.value)
