"""Classification: networks as classifiers, one output per class.

In: networks and shared weights. Out: minus the mean cross-entropy over a mini-batch of training images (to be
maximised); or, held out, the accuracy on the validation or the test split.
"""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import Array, lax
from jaxtyping import Float, Int, Key

from wann_jax.devices import over_blocks
from wann_jax.errors import require
from wann_jax.genomes.activation_ids import ACTIVATION_IDS, STEP
from wann_jax.kernels.forward import forward_samples
from wann_jax.kernels.gradient import forward_with_gradient
from wann_jax.kernels.losses import Accuracy, CrossEntropy, Distillation, classes_of
from wann_jax.kernels.memory import individuals_within
from wann_jax.kernels.platforms import by_platform
from wann_jax.networks.layered import Topology, in_layers
from wann_jax.networks.network import Network
from wann_jax.strictness import loose_types
from wann_jax.tasks.base import Evaluation
from wann_jax.tasks.datasets import Dataset

TUNING_STEPS, TUNING_BATCH, TUNING_RATE = 5, 128, 0.05  # of `tuned_returns`: steps of Adam, images in each, step size


class Teacher(struct.PyTreeNode):
    """A network whose outputs are learnt from, too; see `kernels.losses.Distillation`."""

    outputs: dict[str, Float[Array, "n O"]]  # by split that trains or may train: "train", "validation"
    temperature: Float[Array, ""]
    mix: Float[Array, ""]


class ClassificationTask(struct.PyTreeNode):
    """A data set as a task. The step function is left out of the hidden activations, as in the original."""

    inputs: dict[str, Float[Array, "n I"]]  # by split
    labels: dict[str, Int[Array, "n"]]
    name: str = struct.field(pytree_node=False)
    num_outputs: int = struct.field(pytree_node=False)
    teacher: Teacher | None = None
    batch_size: int = struct.field(pytree_node=False, default=1000)
    logit_deviation: float = struct.field(
        pytree_node=False, default=0.0
    )  # see loss.CrossEntropy; 0: outputs as they are
    hidden_activations: tuple[int, ...] = struct.field(
        pytree_node=False, default=tuple(i for i in ACTIVATION_IDS.values() if i != STEP)
    )
    work_unit: str = struct.field(pytree_node=False, default="passes")
    score_name: str = struct.field(pytree_node=False, default="accuracy")

    @classmethod
    def create(
        cls, name: str, dataset: Dataset, batch_size: int = 1000, logit_deviation: float = 0.0
    ) -> "ClassificationTask":
        """A task of a loaded data set. Raises ConfigError for options out of range."""
        require(batch_size >= 1, "task.batch_size", "at least 1", batch_size)
        fits = math.isfinite(logit_deviation) and logit_deviation >= 0.0
        require(fits, "task.logit_deviation", "finite and at least 0", logit_deviation)
        return cls(
            inputs={split: jnp.asarray(images) for split, images in dataset.inputs.items()},
            labels={split: jnp.asarray(labels) for split, labels in dataset.labels.items()},
            name=name,
            num_outputs=dataset.num_classes,
            batch_size=min(batch_size, len(dataset.labels["train"])),
            logit_deviation=float(logit_deviation),
        )

    @property
    def num_inputs(self) -> int:
        """Number of features."""
        return self.inputs["train"].shape[-1]

    def evaluate(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """Minus the mean cross-entropy over `episodes` mini-batches, drawn without replacement. Consumes `key`."""
        batch = self._batch(key, episodes * self.batch_size)
        loss = self._loss(batch, self.logit_deviation)
        returns = -forward_samples(networks, shared_weights, self.inputs["train"][batch], loss)
        return Evaluation(returns, jnp.full(returns.shape[0], float(batch.shape[0] * shared_weights.shape[0])))

    def evaluate_cases(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """The same, with 1 for each image that is classified rightly, and 0 for others. Consumes `key`."""
        batch = self._batch(key, episodes * self.batch_size)
        loss, labels = self._loss(batch, self.logit_deviation), self.labels["train"][batch]

        def summarise(outputs):
            return -loss(outputs), (classes_of(outputs) == labels[None]).astype(jnp.float32)

        returns, cases = forward_samples(networks, shared_weights, self.inputs["train"][batch], summarise)
        return Evaluation(returns, jnp.full(returns.shape[0], float(cases[0].size)), cases)

    def tuned_returns(
        self, networks: Network, shared_weights: Float[Array, "P"], key: Key[Array, ""]
    ) -> tuple[Float[Array, "P"], Float[Array, "P"]]:
        """What a few steps of Adam make of each network, from a shared weight of its own. Consumes `key`.

        Returns:
            Minus the mean cross-entropy over images that were not tuned with, and passes: a step counts as three.
        """
        size = min(TUNING_BATCH, self.labels["train"].shape[0] // (TUNING_STEPS + 1))
        batches = self._batch(key, (TUNING_STEPS + 1) * size).reshape(TUNING_STEPS + 1, size)
        arguments = (self, networks, shared_weights, batches, networks.num_rows.max())
        returns = by_platform({"cpu": _tuned_in_turn, "default": _tuned_side_by_side}, *arguments)
        return returns, jnp.full(returns.shape, float((3 * TUNING_STEPS + 1) * size))

    def _batch(self, key: Array, size: int) -> Int[Array, "n"]:
        """So many training images by number, drawn without replacement; all of them in order, where that is as many.
        Consumes `key`."""
        num_train = self.labels["train"].shape[0]
        batch = jnp.arange(min(size, num_train))
        if size < num_train:
            batch = jax.random.permutation(key, num_train)[:size]
        return batch

    def score(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P W 1"]:
        """Accuracy on the whole split; outputs that are no numbers are wrong. Key and episodes make no difference."""
        return forward_samples(networks, shared_weights, self.inputs[split], Accuracy(self.labels[split]))

    def score_weights(
        self, topology: Topology, weights: Float[Array, "P #R C"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P 1"]:
        """Accuracy of each weight vector on the whole split; key and episodes make no difference."""
        inputs, labels = self.inputs[split], self.labels[split]

        def accuracy(vector):
            return (classes_of(in_layers(topology, vector, inputs)) == labels).mean(dtype=jnp.float32)

        return lax.map(accuracy, weights[:, 0])[:, None]

    def returns_of_weights(
        self, topology: Topology, weights: Float[Array, "P C"], key: Key[Array, ""], size: int
    ) -> Float[Array, "P"]:
        """Minus the mean cross-entropy over one mini-batch of `size` images. Consumes `key`."""
        return -lax.map(self.loss_of_weights(topology, key, size, 0, 0.0), weights)

    def loss_of_weights(
        self, topology: Topology, key: Key[Array, ""], size: int, horizon: int, input_noise: float
    ) -> Callable[[Float[Array, "C"]], Float[Array, ""]]:
        """Mean cross-entropy over one mini-batch of `size` noisy images, drawn with replacement. Consumes `key`."""
        batch_key, noise_key = jax.random.split(key)
        batch = jax.random.randint(batch_key, (size,), 0, self.labels["train"].shape[0])
        inputs, loss = self.inputs["train"][batch], self._loss(batch, 0.0)
        inputs = inputs + input_noise * jax.random.normal(noise_key, inputs.shape)
        return lambda weights: loss(in_layers(topology, weights, inputs)[None])[0]

    def _loss(self, batch: Int[Array, "B"], deviation: float) -> CrossEntropy | Distillation:
        """Of outputs for these training images."""
        labels, teacher = self.labels["train"][batch], self.teacher
        if teacher is None:
            return CrossEntropy(labels, deviation)
        return Distillation(labels, teacher.outputs["train"][batch], teacher.temperature, teacher.mix, deviation)

    def taught(
        self, teacher: Callable[[Float[Array, "n I"]], Float[Array, "n O"]], temperature: float = 2.0, mix: float = 0.9
    ) -> "ClassificationTask":
        """The same, with a loss that mixes the labels and what a teacher says of the training images.

        Args:
            teacher: from inputs to outputs before the softmax: any model, called once for each split.
            temperature: by which outputs are divided before the softmax, the teacher's and the pupil's.
            mix: the teacher's share of the loss; the labels' is the rest.

        Returns:
            A task for searches and tuning. Scores are accuracies by the labels, as before.

        Raises:
            ConfigError: for outputs of another shape, or that are not finite, or a setting out of range.

        Source: Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network".
        """
        fits = math.isfinite(temperature) and temperature > 0.0
        require(fits, "temperature", "finite and above 0", temperature)
        require(0.0 <= mix <= 1.0, "mix", "between 0 and 1", mix)
        outputs = {split: jnp.asarray(teacher(self.inputs[split]), jnp.float32) for split in ("train", "validation")}
        for split, found in outputs.items():
            wanted = (self.inputs[split].shape[0], self.num_outputs)
            require(found.shape == wanted, "teacher", f"a function to outputs of shape {wanted}", found.shape)
            require(bool(jnp.isfinite(found).all()), "teacher", "a function to finite outputs", "nan or inf")
        return self.replace(teacher=Teacher(outputs, jnp.float32(temperature), jnp.float32(mix)))

    def with_all_images(self) -> "ClassificationTask":
        """The same, with the validation images among those that train."""

        def joined(splits):
            return splits | {"train": jnp.concatenate([splits["train"], splits["validation"]])}

        teacher = None if self.teacher is None else self.teacher.replace(outputs=joined(self.teacher.outputs))
        return self.replace(inputs=joined(self.inputs), labels=joined(self.labels), teacher=teacher)

    def differentiable(self) -> "ClassificationTask":
        """The same: there is no environment."""
        return self


def _tuned(
    task: ClassificationTask, batches: Int[Array, "steps n"], num_rows: Array, network: Network, weight: Array
) -> Float[Array, ""]:
    """The return of one network on the last batch, after a step of Adam on each of the others."""
    optimiser = optax.adam(TUNING_RATE)

    def loss_of(weights, batch):
        outputs = forward_with_gradient(network, weights, task.inputs["train"][batch], num_rows)
        return task._loss(batch, task.logit_deviation)(outputs[None])[0]

    def step(carry, batch):
        weights, state = carry
        gradient = jax.grad(loss_of)(weights, batch)
        with loose_types():  # optax mixes types
            updates, state = optimiser.update(gradient, state)
            return (optax.apply_updates(weights, updates), state), None

    weights = jnp.full(network.spec.max_connections, weight)
    (weights, _), _ = lax.scan(step, (weights, optimiser.init(weights)), batches[:-1])
    return -loss_of(weights, batches[-1])


def _tuned_in_turn(
    task: ClassificationTask, networks: Network, weights: Array, batches: Array, num_rows: Array
) -> Float[Array, "P"]:
    """One network after another: a CPU's cache holds the values of one."""
    return lax.map(lambda pair: _tuned(task, batches, num_rows, *pair), (networks, weights))


def _tuned_side_by_side(
    task: ClassificationTask, networks: Network, weights: Array, batches: Array, num_rows: Array
) -> Float[Array, "P"]:
    """As many at once as the device's memory holds: their values, and derivatives to them."""
    count = individuals_within(3 * 4 * batches.shape[1] * networks.spec.num_slots)
    tuned = jax.vmap(partial(_tuned, task, batches, num_rows))
    return over_blocks(lambda pair: tuned(*pair), (networks, weights), count)
