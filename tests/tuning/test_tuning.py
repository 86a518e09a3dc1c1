"""Tuning: every method improves a network, keeps the best snapshot, says what stopped it, and refuses bad input."""

import dataclasses
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import PlainGenome, from_plain
from wann_jax.analysis.baselines import dense_topology
from wann_jax.errors import ConfigError, brief
from wann_jax.networks.layered import Topology, in_lanes
from wann_jax.tasks.tunable import TunableTask, tunable
from wann_jax.tuning import evolution
from wann_jax.tuning.api import METHODS, TuneConfig, tune, tune_topology
from wann_jax.tuning.config import OPTIMISERS
from wann_jax.tuning.evolution import CovarianceAdaptation, EvolutionStrategy, centred_ranks
from wann_jax.tuning.gradient import GradientDescent

CLIMBERS = tuple(method for method in METHODS if method != "imitation")  # see test_imitation.py
XOR = tunable(wann.make_task("xor"))
# x and y to one hidden node each and to the output: enough for exclusive or with weights of their own.
HIDDEN = [(1, 4, True), (2, 4, True), (0, 4, True), (1, 5, True), (2, 5, True), (0, 5, True)]
PLAIN = PlainGenome([1, 1, 1, 1, 5, 5], [*HIDDEN, (4, 3, True), (5, 3, True), (0, 3, True)])


@cache
def xor_network():
    spec = wann.GenomeSpec.for_task(2, 1, (5,), 4)
    return wann.express(from_plain(spec, PLAIN))


def blobs(num_samples=600):
    """Three classes around three points."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, num_samples).astype(np.int32)
    centres = np.array([[0.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    inputs = (centres[labels] + 0.3 * random.normal(size=(num_samples, 2))).astype(np.float32)
    splits = {"train": slice(0, 400), "validation": slice(400, 500), "test": slice(500, 600)}
    dataset = wann.Dataset(
        {name: inputs[part] for name, part in splits.items()}, {name: labels[part] for name, part in splits.items()}, 3
    )
    return wann.ClassificationTask.create("blobs", dataset)


@cache
def blob_network():
    spec = wann.GenomeSpec.for_task(2, 3, (5,), 4)
    full = [(source, target, True) for source in range(3) for target in range(3, 6)]
    return wann.express(from_plain(spec, PlainGenome([1] * 6, full)))


def candidates(method, number):
    """Gradient descent has none."""
    return {} if method == "adam" else {"population_size": number}


# Exclusive or, its outputs clipped, has flat regions and a poor optimum: methods need their way around them.
AROUND = (
    ("adam", 0, dict(restarts=16, start_deviation=1.0)),
    ("es", 0, dict(population_size=32)),
    ("cma", 2, dict(population_size=32, deviation=1.0, steps=150, restarts=4)),
)


@pytest.mark.parametrize(("method", "start_seed", "around"), AROUND)
def test_every_method_learns_exclusive_or(method, start_seed, around):
    settings = dict(steps=300, validation_interval=50, episodes=1, validation_episodes=1)
    config = TuneConfig.for_task(False, method, **(settings | around))
    start = np.random.default_rng(start_seed).normal(size=9)
    result = tune(XOR, xor_network(), start, method, config)
    assert result.start_score < 0.8
    assert result.score > 0.95
    assert result.stopped == ""
    outputs = wann.forward(xor_network(), result.weights, np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]))[:, 0]
    np.testing.assert_allclose(1 - np.square(np.clip(outputs, 0, 1) - [0, 1, 1, 0]).mean(), result.score, atol=1e-5)
    assert [look["step"] for look in result.curve] == list(range(0, config.steps + 1, 50))
    assert result.curve[-1]["best"] == result.score


@pytest.mark.parametrize("method", CLIMBERS)
def test_classification_climbs_on_the_validation_split(method):
    settings = dict(steps=100, validation_interval=25, minibatch_size=64, **candidates(method, 16))
    config = TuneConfig.for_task(True, method, **settings)
    result = tune(blobs(), blob_network(), 0.5, method, config)
    assert result.start_score < 0.5
    assert result.score > 0.9


@pytest.mark.parametrize("method", CLIMBERS)
def test_a_refit_learns_from_the_validation_images_too(method):
    task = blobs()
    seen = np.asarray(task.labels["train"]) < 2  # the third class is in the validation split alone
    inputs, labels = ({**splits, "train": splits["train"][seen]} for splits in (task.inputs, task.labels))
    task = task.replace(inputs=inputs, labels=labels)
    settings = dict(steps=200, validation_interval=200, minibatch_size=64, **candidates(method, 32))
    config = TuneConfig.for_task(True, method, **settings)
    found = {}
    for refit in (False, True):
        result = tune(task, blob_network(), 0.5, method, dataclasses.replace(config, refit=refit))
        outputs = wann.forward(blob_network(), result.weights, np.asarray(task.inputs["test"]))
        found[refit] = result.score, (outputs.argmax(-1) == np.asarray(task.labels["test"])).mean()
    assert found[True][0] == found[False][0]
    assert found[False][1] < 0.7
    assert found[True][1] > 0.8


@pytest.mark.parametrize("method", CLIMBERS)
def test_control_is_tuned_through_the_environment(method):
    """A pendulum-like start: a few steps of swing-up, from a poor policy."""
    task = tunable(wann.make_task("swingup", max_steps=60))
    topology = dense_topology(5, 2, 1)
    settings = dict(steps=6, validation_interval=3, episodes=4, validation_episodes=8, **candidates(method, 8))
    of_method = {"adam": dict(horizon=25, learning_rates=(0.05,)), "es": dict(learning_rates=(0.05,)), "cma": {}}
    config = TuneConfig.for_task(False, method, **settings, **of_method[method])
    result = tune_topology(task, topology, 0.1, method, config)
    assert result.score > result.start_score
    assert result.curve[-1]["work"] == 6 * 4 * (1 if method == "adam" else 8)


def test_the_gradient_through_the_simulator_is_that_of_finite_differences():
    task = tunable(wann.make_task("swingup", max_steps=12)).differentiable()
    topology = dense_topology(5, 2, 1)
    weights = jnp.asarray(np.random.default_rng(0).uniform(-0.2, 0.2, topology.num_connections), jnp.float32)

    @jax.jit
    def loss(task, weights):
        return task.loss_of_weights(topology, jax.random.key(3), 4, 12, 0.0)(weights)

    @jax.jit
    def returns(task, weights):
        return task.returns_of_weights(topology, weights[None], jax.random.key(3), 4)[0]

    np.testing.assert_allclose(loss(task, weights), -returns(task, weights), rtol=1e-5)
    gradient = jax.jit(jax.grad(loss, 1))(task, weights)
    direction = jnp.asarray(np.random.default_rng(1).normal(size=weights.shape), jnp.float32)
    step = 1e-2
    slope = (loss(task, weights + step * direction) - loss(task, weights - step * direction)) / (2 * step)
    np.testing.assert_allclose(gradient @ direction, slope, rtol=0.05)


def test_restarts_and_rates_run_side_by_side():
    config = TuneConfig.for_task(
        False, "adam", steps=2, validation_interval=1, learning_rates=(0.1, 0.01, 0.001), restarts=2, episodes=1
    )
    result = tune(XOR, xor_network(), 1.0, "adam", config)
    assert [look["work"] for look in result.curve] == [0, 6, 12]
    more = dataclasses.replace(config, shared_starts=(0.5, -0.5))
    result = tune(XOR, xor_network(), 1.0, "adam", more)
    assert [look["work"] for look in result.curve] == [0, 18, 36]


@pytest.mark.parametrize("kind", [EvolutionStrategy, CovarianceAdaptation])
def test_black_box_restarts_go_their_own_ways(kind):
    config = TuneConfig.for_task(False, "es", episodes=1, population_size=32, restarts=3)
    start = jnp.full(9, 0.1)
    method = kind(XOR, Topology.of(xor_network()), config)
    states = [method.init(jax.random.key(0), start)]
    for step in range(2):
        states.append(jax.jit(method.step)(XOR, jax.random.key(step), states[-1]))
    begin, *_, end = (np.asarray(method.weights(state)) for state in states)
    np.testing.assert_array_equal(begin[0], start)
    for weights in (begin, end):
        assert np.abs(np.diff(weights, axis=0)).min(1).max() > 0
    assert np.abs(end - begin).min() > 0


def test_the_best_of_the_black_box_restarts_is_kept():
    settings = dict(steps=12, validation_interval=4, episodes=1, validation_episodes=1, population_size=32)
    config = TuneConfig.for_task(False, "cma", **settings, deviation=0.1, start_deviation=1.0)
    alone = tune(XOR, xor_network(), 0.1, "cma", config)
    best = tune(XOR, xor_network(), 0.1, "cma", dataclasses.replace(config, restarts=4))
    assert [look["work"] for look in best.curve] == [4 * look["work"] for look in alone.curve]
    assert alone.score < 0.8 < 0.9 < best.score == best.curve[-1]["best"]


def test_descent_starts_from_shared_weights_too():
    config = TuneConfig.for_task(False, "adam", learning_rates=(0.1, 0.01), restarts=2, shared_starts=(0.5, -0.5))
    method = GradientDescent(XOR, Topology.of(xor_network()), config)
    weights = method.weights(method.init(jax.random.key(0), jnp.ones(9)))
    for rate in (0, 1):
        np.testing.assert_array_equal(
            weights[6 * rate : 6 * rate + 6 : 2], np.array([[1.0], [0.5], [-0.5]]) * np.ones(9)
        )
    assert np.abs(np.asarray(weights)[1::2] - np.asarray(weights)[::2]).min() > 0
    assert method.num_runs == weights.shape[0] == 12


def test_noise_on_the_images_changes_the_loss_only_where_it_is_asked_for():
    topology, weights = Topology.of(blob_network()), jnp.linspace(-1.0, 1.0, 9)
    clean, same, noisy = (
        float(blobs().loss_of_weights(topology, jax.random.key(0), 64, 0, noise)(weights)) for noise in (0.0, 0.0, 0.5)
    )
    assert clean == same != noisy


def test_weights_that_stop_being_finite_end_tuning_and_the_best_are_kept():
    def explode(policy, key):
        return jnp.square(policy(jnp.ones(2))[0] * 1e20)

    task = wann.FunctionTask(explode, num_inputs=2, num_outputs=1, name="explode")
    config = TuneConfig.for_task(
        False, "adam", steps=20, validation_interval=5, learning_rates=(1e30,), optimizer="sgd", clip_norm=0.0
    )
    result = tune(task, xor_network(), 1.0, "adam", config)
    assert result.stopped == "weights were not finite after step 5; kept those of the best score before"
    np.testing.assert_array_equal(result.weights, np.ones(9, np.float32))


def test_equal_returns_share_their_ranks():
    ranks = centred_ranks(jnp.array([3.0, 1.0, 3.0, 2.0, 3.0]))
    np.testing.assert_allclose(ranks, [0.25, -0.5, 0.25, -0.25, 0.25])
    np.testing.assert_array_equal(centred_ranks(jnp.full(4, 7.0)), np.zeros(4))


def test_same_seed_same_weights():
    config = TuneConfig.for_task(True, "es", steps=10, validation_interval=5, population_size=8, minibatch_size=64)
    one, same, other = (tune(blobs(), blob_network(), 0.5, "es", config, seed).weights for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(steps=0), "tune.steps must be a whole number, at least 1; got 0"),
        (dict(connections=-1), "tune.connections must be a whole number, at least 0; got -1"),
        (dict(population_size=7), "tune.population_size must be even; got 7"),
        (dict(learning_rates=()), "tune.learning_rates must be one or more numbers above 0; got ()"),
        (dict(deviation=0.0), "tune.deviation must be finite and above 0; got 0.0"),
        (dict(clip_norm=-1.0), "tune.clip_norm must be finite and at least 0; got -1.0"),
        (dict(schedule="wave"), "tune.schedule must be one of constant, cosine, linear; got 'wave'"),
        (dict(learning_rates=0.03), "tune.learning_rates must be one or more numbers above 0; got 0.03"),
        (dict(learning_rates=("0.1",)), "tune.learning_rates must be one or more numbers above 0; got ('0.1',)"),
        (
            dict(learning_rates=(10**400,)),
            f"tune.learning_rates must be one or more numbers above 0; got {brief((10**400,))}",
        ),
        (
            dict(learning_rates=(0.1, 0.2)),
            "tune.learning_rates must be one number: es runs at one rate; got (0.1, 0.2)",
        ),
        (dict(shared_starts=0.0), "tune.shared_starts must be a list of numbers; got 0.0"),
        (dict(clip_norm="1"), "tune.clip_norm must be finite and at least 0; got '1'"),
        (dict(deviation=None), "tune.deviation must be finite and above 0; got None"),
        (dict(refit=1), "tune.refit must be True or False; got 1"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ConfigError) as caught:
        TuneConfig.for_task(False, "es", **changes)
    assert str(caught.value) == message


# An optimiser that needs more than a gradient, a function of no such kind, one that climbs, no function at all.
@pytest.mark.parametrize("name", ["magic", "lbfgs", "polyak_sgd", "global_norm", "scale_by_schedule", "Params", 5])
def test_what_is_no_optimiser_is_refused(name):
    rule = "^tune.optimizer must be an optimiser of optax that takes a learning rate alone, one of adabelief, adadelta"
    with pytest.raises(ConfigError, match=rule) as caught:
        TuneConfig.for_task(False, "adam", optimizer=name)
    assert str(caught.value).endswith(f"sgd, sign_sgd, yogi; got {name!r}")


@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_optimisers_that_the_message_names_fit(name):
    TuneConfig.for_task(False, "es", optimizer=name)


UNUSED = (
    ("adam", True, "horizon", 7, "left at 100: classification does not use it"),
    ("es", False, "horizon", 7, "left at 100: es does not use it"),
    ("cma", False, "horizon", 7, "left at 100: cma does not use it"),
    ("es", True, "shared_starts", (0.5,), "left at (): es does not use it"),
    ("cma", False, "fan_in_scaling", False, "left at True: cma does not use it"),
    ("cma", False, "learning_rates", (0.1,), "left at (0.01,): cma does not use it"),
    ("cma", True, "optimizer", "sgd", "left at 'adam': cma does not use it"),
    ("adam", False, "population_size", 64, "left at 128: adam does not use it"),
    ("adam", True, "episodes", 3, "left at 8: classification does not use it"),
    ("adam", False, "minibatch_size", 3, "left at 256: control does not use it"),
)


@pytest.mark.parametrize(("method", "classification", "name", "value", "rule"), UNUSED)
def test_settings_that_would_do_nothing_are_refused(method, classification, name, value, rule):
    message = f"tune.{name} must be {rule}; got {value!r}"
    with pytest.raises(ConfigError) as caught:
        TuneConfig.for_task(classification, method, **{name: value})
    assert str(caught.value) == message
    config = dataclasses.replace(TuneConfig.for_task(classification, method), **{name: value})
    task, network = (blobs(), blob_network()) if classification else (XOR, xor_network())
    with pytest.raises(ConfigError) as caught:
        tune(task, network, 1.0, method, config)
    assert str(caught.value) == message


@pytest.mark.parametrize("num_devices", ["1", "2"])
def test_restarts_of_cma_come_to_an_end(tmp_path, num_devices):
    """A batch of factorisations holds threads that devices which wait for each other need."""
    options = ["--start=0.9", "--steps=100", "--validation-interval=50", "--population-size=32", "--restarts=2"]
    options.append("--trials=0")
    words = ["tune", "xor", "--task", "xor", "--method", "cma", *options, "--out", str(tmp_path / "tuned.json")]
    call = [sys.executable, "-c", f"from wann_jax.cli import main; assert main({words}) == 0"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "WANN_CPU_DEVICES": num_devices}
    done = subprocess.run(call, capture_output=True, text=True, env=environment, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tuned.json").exists()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match=r"^method must be one of adam, es, cma, imitation; got 'magic'$"):
        tune(XOR, xor_network(), 1.0, "magic")
    with pytest.raises(ConfigError, match=r"^network must be of 5 inputs and 1 outputs"):
        tune(tunable(wann.make_task("swingup")), xor_network(), 1.0, "es")
    with pytest.raises(ConfigError, match=r"^start must be finite weights"):
        tune(XOR, xor_network(), np.nan, "es")
    with pytest.raises(ConfigError, match=r"^method must be es or cma: 'gymnax:CartPole-v1' has no gradients"):
        tune_topology(wann.make_task("gymnax:CartPole-v1"), dense_topology(4, 2, 2), 1.0, "adam")
    with pytest.raises(ConfigError, match=r"^tune.refit must be off: only classification has validation images"):
        tune(XOR, xor_network(), 1.0, "es", TuneConfig(refit=True))


def test_all_tasks_of_the_package_can_be_tuned():
    for task in (XOR, blobs(), wann.make_task("swingup")):
        assert isinstance(task, TunableTask)


def test_optimisers_and_schedules_of_optax_can_be_chosen():
    config = dataclasses.replace(TuneConfig(), optimizer="sgd", schedule="linear", steps=10, clip_norm=0.0)
    optimiser = config.optimiser(0.5)
    state = optimiser.init(jnp.zeros(1))
    changes = []
    for _ in range(3):
        change, state = optimiser.update(jnp.ones(1), state)
        changes.append(float(change[0]))
    np.testing.assert_allclose(changes, [-0.5, -0.45, -0.4], rtol=1e-6)


def test_a_dense_topology_is_a_dense_network():
    topology = dense_topology(3, 4, 2)
    assert isinstance(topology, Topology)
    assert topology.num_connections == 4 * 4 + 2 * 5
    weights = np.random.default_rng(0).normal(size=26).astype(np.float32)
    inputs = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    with_bias = np.concatenate([np.ones((7, 1)), inputs], axis=1)
    hidden = np.tanh(with_bias @ weights[:16].reshape(4, 4).T)
    expected = np.concatenate([np.ones((7, 1)), hidden], axis=1) @ weights[16:].reshape(2, 5).T
    np.testing.assert_allclose(in_lanes(topology, jnp.asarray(weights), jnp.asarray(inputs)), expected, rtol=1e-4)


def test_many_weights_have_a_diagonal_covariance_and_learn_too(monkeypatch):
    settings = dict(steps=150, validation_interval=50, episodes=1, validation_episodes=1)
    config = TuneConfig.for_task(False, "cma", population_size=32, deviation=1.0, restarts=4, **settings)
    topology = Topology.of(xor_network())
    assert CovarianceAdaptation(XOR, topology, config).init(jax.random.key(0), jnp.zeros(9)).C.shape == (4, 9, 9)
    full = CovarianceAdaptation(XOR, topology, config).params
    monkeypatch.setattr(evolution, "MOST_WEIGHTS_OF_FULL", 8)
    method = CovarianceAdaptation(XOR, topology, config)
    assert method.init(jax.random.key(0), jnp.zeros(9)).C.shape == (4, 9)
    np.testing.assert_allclose(method.params.c_1, full.c_1 * 11 / 3, rtol=1e-6)
    start = np.random.default_rng(2).normal(size=9)
    assert tune(XOR, xor_network(), start, "cma", config).score > 0.95


def test_tuning_that_is_ended_gives_the_best_so_far():
    settings = dict(steps=60, validation_interval=10, episodes=1, validation_episodes=1)
    config = TuneConfig.for_task(False, "es", population_size=32, **settings)
    whole = tune(XOR, xor_network(), 0.1, "es", config)
    answers = iter([False, True])
    part = tune(XOR, xor_network(), 0.1, "es", config, is_over=lambda: next(answers))
    assert part.stopped == "interrupted after step 20 of 60"
    assert part.curve == whole.curve[:3]
    assert part.score == part.curve[-1]["best"]
