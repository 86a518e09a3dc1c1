"""Classification: networks as classifiers, one output per class.

In: networks and shared weights. Out: minus the mean cross-entropy over a mini-batch of training images (to be
maximised); or, held out, the accuracy on the validation or the test split.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Float, Int, Key

from wann_jax.activations import ACTIVATION_IDS, STEP
from wann_jax.datasets import Dataset
from wann_jax.errors import require
from wann_jax.forward import forward_samples
from wann_jax.network import Network
from wann_jax.tasks.base import Evaluation


class ClassificationTask(struct.PyTreeNode):
    """A data set as a task. The step function is left out of the hidden activations, as in the original."""

    inputs: dict[str, Float[Array, "n I"]]  # by split
    labels: dict[str, Int[Array, "n"]]
    name: str = struct.field(pytree_node=False)
    num_outputs: int = struct.field(pytree_node=False)
    batch_size: int = struct.field(pytree_node=False, default=1000)
    hidden_activations: tuple[int, ...] = struct.field(
        pytree_node=False, default=tuple(i for i in ACTIVATION_IDS.values() if i != STEP)
    )
    work_unit: str = struct.field(pytree_node=False, default="passes")
    score_name: str = struct.field(pytree_node=False, default="accuracy")

    @classmethod
    def create(cls, name: str, dataset: Dataset, batch_size: int = 1000) -> "ClassificationTask":
        """A task of a loaded data set."""
        require(batch_size >= 1, "task.batch_size", "at least 1", batch_size)
        return cls(
            inputs={split: jnp.asarray(images) for split, images in dataset.inputs.items()},
            labels={split: jnp.asarray(labels) for split, labels in dataset.labels.items()},
            name=name,
            num_outputs=dataset.num_classes,
            batch_size=min(batch_size, len(dataset.labels["train"])),
        )

    @property
    def num_inputs(self) -> int:
        """Number of features."""
        return self.inputs["train"].shape[-1]

    def evaluate(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """Minus the mean cross-entropy over `episodes` mini-batches, drawn without replacement. Consumes `key`."""
        num_train = self.labels["train"].shape[0]
        num_samples = min(episodes * self.batch_size, num_train)
        batch = jnp.arange(num_samples)
        if num_samples < num_train:
            batch = jax.random.permutation(key, num_train)[:num_samples]
        labels = self.labels["train"][batch]

        def negative_loss(outputs):
            return jnp.take_along_axis(jax.nn.log_softmax(outputs), labels[None, :, None], axis=-1).mean((-2, -1))

        returns = forward_samples(networks, shared_weights, self.inputs["train"][batch], negative_loss)
        return Evaluation(returns, jnp.full(returns.shape[0], float(num_samples * shared_weights.shape[0])))

    def score(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P W 1"]:
        """Accuracy on the whole split; key and episodes make no difference."""
        labels = self.labels[split]

        def accuracy(outputs):
            return (outputs.argmax(-1) == labels[None]).mean(-1, keepdims=True, dtype=jnp.float32)

        return forward_samples(networks, shared_weights, self.inputs[split], accuracy)
