"""Classification: networks as classifiers, one output per class.

In: networks and shared weights. Out: minus the mean cross-entropy over a mini-batch of training images (to be
maximised); or, held out, the accuracy on the validation or the test split.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import Array, lax
from jaxtyping import Float, Int, Key

from wann_jax.devices import over_blocks
from wann_jax.errors import require
from wann_jax.genomes.activation_ids import ACTIVATION_IDS, STEP
from wann_jax.kernels.forward import forward, forward_samples
from wann_jax.kernels.losses import Accuracy, CrossEntropy, classes_of
from wann_jax.kernels.memory import individuals_within
from wann_jax.networks.layered import Topology, in_layers
from wann_jax.networks.network import Network
from wann_jax.strictness import loose_types
from wann_jax.tasks.base import Evaluation
from wann_jax.tasks.datasets import Dataset

TUNING_STEPS, TUNING_BATCH, TUNING_RATE = 5, 128, 0.05  # of `tuned_returns`: steps of Adam, images in each, step size


class ClassificationTask(struct.PyTreeNode):
    """A data set as a task. The step function is left out of the hidden activations, as in the original."""

    inputs: dict[str, Float[Array, "n I"]]  # by split
    labels: dict[str, Int[Array, "n"]]
    name: str = struct.field(pytree_node=False)
    num_outputs: int = struct.field(pytree_node=False)
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
        inputs, labels = self._batch(key, episodes * self.batch_size)
        returns = -forward_samples(networks, shared_weights, inputs, CrossEntropy(labels, self.logit_deviation))
        return Evaluation(returns, jnp.full(returns.shape[0], float(inputs.shape[0] * shared_weights.shape[0])))

    def evaluate_cases(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """The same, with 1 for each image that is classified rightly, and 0 for others. Consumes `key`."""
        inputs, labels = self._batch(key, episodes * self.batch_size)
        loss = CrossEntropy(labels, self.logit_deviation)

        def summarise(outputs):
            return -loss(outputs), (classes_of(outputs) == labels[None]).astype(jnp.float32)

        returns, cases = forward_samples(networks, shared_weights, inputs, summarise)
        return Evaluation(returns, jnp.full(returns.shape[0], float(cases[0].size)), cases)

    def tuned_returns(
        self, networks: Network, shared_weights: Float[Array, "P"], key: Key[Array, ""]
    ) -> tuple[Float[Array, "P"], Float[Array, "P"]]:
        """What a few steps of Adam make of each network, from a shared weight of its own. Consumes `key`.

        Returns:
            Minus the mean cross-entropy over images that were not tuned with, and passes: a step counts as three.
        """
        size = min(TUNING_BATCH, self.labels["train"].shape[0] // (TUNING_STEPS + 1))
        inputs, labels = self._batch(key, (TUNING_STEPS + 1) * size)
        parts = inputs.reshape(TUNING_STEPS + 1, size, -1), labels.reshape(TUNING_STEPS + 1, size)
        optimiser, spec = optax.adam(TUNING_RATE), networks.spec

        def loss_of(weights, network, inputs, labels):
            return CrossEntropy(labels, self.logit_deviation)(forward(network, weights, inputs)[None])[0]

        def tuned(network, weight):
            def step(carry, part):
                weights, state = carry
                gradient = jax.grad(loss_of)(weights, network, *part)
                with loose_types():  # optax mixes types
                    updates, state = optimiser.update(gradient, state)
                return (optax.apply_updates(weights, updates), state), None

            weights = jnp.full(spec.max_connections, weight)
            steps, last = (jax.tree.map(lambda part, which=which: part[which], parts) for which in (slice(-1), -1))
            (weights, _), _ = lax.scan(step, (weights, optimiser.init(weights)), steps)
            return -loss_of(weights, network, *last)

        bytes_each = 4 * size * spec.num_slots * spec.max_rows  # the gradient keeps the table as each row found it
        pairs = (networks, shared_weights)
        returns = over_blocks(lambda pairs: jax.vmap(tuned)(*pairs), pairs, individuals_within(bytes_each))
        return returns, jnp.full(returns.shape, float((3 * TUNING_STEPS + 1) * size))

    def _batch(self, key: Array, size: int) -> tuple[Float[Array, "n I"], Int[Array, "n"]]:
        """So many training images and their labels, drawn without replacement; all of them in order, where that is
        as many. Consumes `key`."""
        num_train = self.labels["train"].shape[0]
        batch = jnp.arange(min(size, num_train))
        if size < num_train:
            batch = jax.random.permutation(key, num_train)[:size]
        return self.inputs["train"][batch], self.labels["train"][batch]

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
        inputs, labels = self.inputs["train"][batch], self.labels["train"][batch]
        inputs = inputs + input_noise * jax.random.normal(noise_key, inputs.shape)
        return lambda weights: CrossEntropy(labels)(in_layers(topology, weights, inputs)[None])[0]

    def with_all_images(self) -> "ClassificationTask":
        """The same, with the validation images among those that train."""

        def joined(splits):
            return splits | {"train": jnp.concatenate([splits["train"], splits["validation"]])}

        return self.replace(inputs=joined(self.inputs), labels=joined(self.labels))

    def differentiable(self) -> "ClassificationTask":
        """The same: there is no environment."""
        return self
