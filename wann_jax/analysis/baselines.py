"""Baselines: what other models give on the same task.

In: the name of a baseline and a task. Out: a document with scores and sizes. Classification: softmax regression, a
two-layer network without biases, the same pruned once to few connections (flax and optax), or one pruned step by step,
as `tune` does it. Control: a small dense policy, tuned by an evolution strategy. Weights are chosen on the validation
split; the test split is looked at once.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax import Array, lax

from wann_jax.errors import require
from wann_jax.genomes.activation_ids import LINEAR, RELU, TANH
from wann_jax.kernels.losses import classes_of
from wann_jax.networks.layered import Node, Topology
from wann_jax.strictness import loose_types
from wann_jax.tasks import datasets
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.tasks.registry import find_spec, make_task
from wann_jax.tuning.api import TuneConfig, tune_topology

LEAST_BATCH, MOST_BATCH = 16, 256
UPDATES_PER_EPOCH = 50  # at least, where the least batch allows: small data sets need many updates too
LEARNING_RATES = (0.001, 0.003, 0.01, 0.03)
HIDDEN = 128  # of the two-layer network
POLICY_HIDDEN = 8
# Of the dense policy: whether episodes are short, and what differs from the defaults of CMA-ES.
STAGES: tuple[tuple[bool, dict[str, Any]], ...] = (
    (True, dict(restarts=32, population_size=32, episodes=4, start_deviation=0.8, deviation=0.4)),
    (False, dict(population_size=64, episodes=16, deviation=0.1)),
    (False, dict(population_size=64, episodes=32, deviation=0.03, validation_episodes=512)),
)
SHORT_EPISODE = 300  # steps
LOOKS = 8  # at the held-out score in each stage


class Classifier(nn.Module):
    """Dense layers with ReLU between them."""

    widths: tuple[int, ...]
    use_bias: bool

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Logits [B, O]."""
        for width in self.widths[:-1]:
            inputs = nn.relu(nn.Dense(width, use_bias=self.use_bias)(inputs))
        return nn.Dense(self.widths[-1], use_bias=self.use_bias)(inputs)


class Fit(NamedTuple):
    """A trained classifier."""

    params: Any
    validation: float  # accuracy
    test: float


def run_baseline(
    name: str, task_name: str, options: dict[str, Any], connections: int, epochs: int, steps: int, seed: int
) -> dict[str, Any]:
    """Trains one baseline; the keys of the document say what is what.

    Raises ConfigError if it does not suit the task.
    """
    require(name in BASELINES, "baseline", f"one of {', '.join(BASELINES)}", name)
    task = make_task(task_name, **options)
    classifies = isinstance(task, ClassificationTask)
    fitting = [each for each, (_, kind) in BASELINES.items() if kind == classifies]
    require(name in fitting, "baseline", f"one of {', '.join(fitting)} for task {task_name!r}", name)
    settings = dict(connections=connections, epochs=epochs, steps=steps, seed=seed, data_dir=options.get("data_dir"))
    # Control: the same task, but of short episodes.
    steps_of_short = min(SHORT_EPISODE, options.get("max_steps") or SHORT_EPISODE)
    shorter = {"max_steps": steps_of_short} if "max_steps" in find_spec(task_name).option_fields else {}
    settings["short"] = partial(make_task, task_name, **options | shorter)
    return {"baseline": name, "task": task_name, "seed": seed, **BASELINES[name][0](task, settings)}


def _softmax(task: ClassificationTask, settings: dict[str, Any]) -> dict[str, Any]:
    return _fitted(Classifier((task.num_outputs,), use_bias=True), task, settings)


def _mlp(task: ClassificationTask, settings: dict[str, Any]) -> dict[str, Any]:
    return _fitted(Classifier((HIDDEN, task.num_outputs), use_bias=False), task, settings)


def _mlp28(task: ClassificationTask, settings: dict[str, Any]) -> dict[str, Any]:
    require(task.name == "mnist", "baseline", "another one: only mnist has images of 28 x 28", "mlp28")
    dataset = datasets.load_mnist(settings["data_dir"], prepared=False)
    return _mlp(ClassificationTask.create("mnist 28x28", dataset), settings)


def _pruned(task: ClassificationTask, settings: dict[str, Any]) -> dict[str, Any]:
    """The largest weights of the trained network stay; they are trained again from where they were.

    Magnitudes count relative to their layer's root mean square, or one layer would be pruned away before the other.
    """
    model = Classifier((HIDDEN, task.num_outputs), use_bias=False)
    dense = fit(model, task, settings["epochs"], settings["seed"])
    sizes = jax.tree.map(lambda leaf: jnp.abs(leaf) / jnp.sqrt(jnp.square(leaf).mean()), dense.params)
    ordered = np.sort(np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(sizes)]))
    least = ordered[-min(settings["connections"], len(ordered))]
    mask = jax.tree.map(lambda leaf: (leaf >= least).astype(jnp.float32), sizes)
    sparse = fit(model, task, settings["epochs"], settings["seed"], dense.params, mask)
    return {"connections": int(sum(leaf.sum() for leaf in jax.tree.leaves(mask))), **_accuracies(sparse)}


def _pruned_stepwise(task: ClassificationTask, settings: dict[str, Any]) -> dict[str, Any]:
    """A two-layer network (ReLU, biases), pruned and trained at the same time by what `tune` prunes WANNs with."""
    topology = dense_topology(task.num_inputs, HIDDEN, task.num_outputs, RELU)
    random = np.random.default_rng(settings["seed"])
    start = random.normal(size=topology.num_connections) * np.sqrt(2 / topology.fan_in)
    images = task.labels["train"].shape[0]
    size = _batch_size(images)
    chosen = dict(steps=settings["epochs"] * (images // size), minibatch_size=size, connections=settings["connections"])
    fixed = dict(shared_starts=(), input_noise=0.0, fan_in_scaling=False, learning_rates=LEARNING_RATES)
    config = TuneConfig.for_task(True, "adam", **chosen, **fixed)
    result = tune_topology(task, topology, start, "adam", config, settings["seed"])
    test = task.score_weights(topology, jnp.asarray(result.weights)[None, None], jax.random.key(0), 1, "test")
    scores = {"validation_accuracy": result.score, "test_accuracy": float(test[0, 0])}
    return {"connections": int(np.count_nonzero(result.weights)), **scores}


def _batch_size(images: int) -> int:
    return min(max(images // UPDATES_PER_EPOCH, LEAST_BATCH), MOST_BATCH, images)


def _fitted(model: Classifier, task: ClassificationTask, settings: dict[str, Any]) -> dict[str, Any]:
    result = fit(model, task, settings["epochs"], settings["seed"])
    return {"connections": sum(leaf.size for leaf in jax.tree.leaves(result.params)), **_accuracies(result)}


def _accuracies(result: Fit) -> dict[str, float]:
    return {"validation_accuracy": result.validation, "test_accuracy": result.test}


def fit(
    model: Classifier, task: ClassificationTask, epochs: int, seed: int, params: Any = None, mask: Any = None
) -> Fit:
    """Adam with a cosine schedule, one run for each learning rate; the best epoch by validation accuracy is kept.

    With `mask` (like `params`, 0 or 1), masked weights stay 0.
    """
    init_key, train_key = jax.random.split(jax.random.key(seed))
    inputs = task.inputs["train"]
    params = model.init(init_key, inputs[:1]) if params is None else params
    mask = jax.tree.map(jnp.ones_like, params) if mask is None else mask
    batch_size = _batch_size(inputs.shape[0])
    steps = inputs.shape[0] // batch_size

    def logits(params, inputs):
        return model.apply(jax.tree.map(jnp.multiply, params, mask), inputs)

    def adam(rate):
        return optax.adam(optax.cosine_decay_schedule(rate, epochs * steps))

    @partial(jax.jit, static_argnames="rate")
    def run_epoch(state, inputs, labels, key, rate):
        optimiser = adam(rate)
        order = jax.random.permutation(key, inputs.shape[0])[: steps * batch_size].reshape(steps, batch_size)

        def loss(params, batch):
            losses = optax.softmax_cross_entropy_with_integer_labels(logits(params, inputs[batch]), labels[batch])
            return losses.mean()

        def update(state, batch):
            params, moments = state
            gradient = jax.grad(loss)(params, batch)
            with loose_types():
                changes, moments = optimiser.update(gradient, moments, params)
                return (optax.apply_updates(params, changes), moments), None

        return lax.scan(update, state, order)[0]

    @jax.jit
    def accuracy(params, inputs, labels):
        return (classes_of(logits(params, inputs)) == labels).mean(dtype=jnp.float32)

    def accuracy_on(params, split):
        return float(accuracy(params, task.inputs[split], task.labels[split]))

    best, best_accuracy = params, -1.0
    for rate in LEARNING_RATES:
        state = (params, adam(rate).init(params))
        for epoch in range(epochs):
            key = jax.random.fold_in(train_key, epoch)
            state = run_epoch(state, inputs, task.labels["train"], key, rate)
            found = accuracy_on(state[0], "validation")
            if found > best_accuracy:
                best, best_accuracy = state[0], found
    best = jax.tree.map(jnp.multiply, best, mask)
    return Fit(best, best_accuracy, accuracy_on(best, "test"))


def _mlp_policy(task: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """A dense policy with one hidden layer of tanh, from small random weights, tuned in the stages of our own networks.

    That is by CMA-ES: many restarts on the first steps of an episode, then the best on whole ones, twice.
    """
    topology = dense_topology(task.num_inputs, POLICY_HIDDEN, task.num_outputs)
    start = (
        0.5 * np.random.default_rng(settings["seed"]).normal(size=topology.num_connections) / np.sqrt(topology.fan_in)
    )
    curve = []
    for stage, (is_short, changes) in enumerate(STAGES):
        interval = max(1, settings["steps"] // LOOKS)
        config = TuneConfig.for_task(False, "cma", steps=settings["steps"], validation_interval=interval, **changes)
        played = settings["short"]() if is_short else task
        result = tune_topology(played, topology, start, "cma", config, settings["seed"] + stage)
        start = result.weights
        curve.append(result.curve)
    key = jax.random.key(settings["seed"] + 1)
    weights = jnp.asarray(result.weights)[None, None]
    episodes = 1000
    scores = jax.jit(lambda task, weights: task.score_weights(topology, weights, key, episodes, "test"))(task, weights)
    return {
        "connections": topology.num_connections,
        "validation_return": result.score,
        "test_return": float(scores.mean()),
        "test_return_std": float(scores.std()),
        "test_return_median": float(jnp.median(scores)),
        "trials": episodes,
        "curves": curve,
    }


def dense_topology(num_inputs: int, num_hidden: int, num_outputs: int, activation: int = TANH) -> Topology:
    """Bias and inputs to every hidden node, bias and hidden nodes to every output (linear)."""
    first = 1 + num_inputs
    nodes, used = [], 0
    for sources, kind, count in (
        (tuple(range(first)), activation, num_hidden),
        ((0, *range(first, first + num_hidden)), LINEAR, num_outputs),
    ):
        for _ in range(count):
            nodes.append(Node(kind, sources, tuple(range(used, used + len(sources)))))
            used += len(sources)
    outputs = tuple(range(first + num_hidden, first + num_hidden + num_outputs))
    return Topology(num_inputs, used, tuple(nodes), outputs)


# By name: what makes the document, and whether it is for classification.
BASELINES: dict[str, tuple[Callable[[Any, dict[str, Any]], dict[str, Any]], bool]] = {
    "softmax": (_softmax, True),
    "mlp": (_mlp, True),
    "mlp28": (_mlp28, True),
    "pruned": (_pruned, True),
    "pruned-stepwise": (_pruned_stepwise, True),
    "mlp-policy": (_mlp_policy, False),
}
