"""Losses, as summaries of a network's outputs for `forward_samples`.

In: outputs of one network [W, B, O]. Out: one number for each weight. A summary may also offer `natively`, which
takes whole networks and gives the same for each: outputs then never leave the processor's nearest cache.
"""

import functools
import sys

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Float, Int

from wann_jax.errors import require
from wann_jax.kernels.native import program_constants
from wann_jax.native import Library, numbers
from wann_jax.networks.network import Network

SMALLEST_DEVIATION = 1e-12  # outputs that differ by less are all the same
LOSS = Library(
    "loss",
    "wann_cross_entropy",
    seconds=4,
    constants=lambda: {**program_constants(), **numbers(sys.modules[__name__])},
)


class CrossEntropy(struct.PyTreeNode):
    """Mean cross-entropy of the softmax of the outputs.

    With a positive `deviation`, outputs are standardised first, for each weight: each sample's mean over classes is
    taken off, and the rest scaled so that its root mean square over classes and samples is `deviation`. The loss then
    judges the order of the classes, not the scale of the outputs, which grows with the shared weight.
    """

    labels: Int[Array, "B"]
    deviation: float = struct.field(pytree_node=False, default=0.0)

    def __call__(self, outputs: Float[Array, "W B O"]) -> Float[Array, "W"]:
        """The definition, finite since it comes from logits. Raises ConfigError unless each sample has a label."""
        labels = self.labels_of(outputs.shape[1])
        if self.deviation > 0.0:
            outputs = standardised(outputs, self.deviation)
        log_odds = jax.nn.log_softmax(outputs)
        return -jnp.take_along_axis(log_odds, labels[None, :, None], axis=-1).mean((-2, -1))

    def has_native(self) -> bool:
        """Whether `natively` can be called."""
        return LOSS.ready()

    def natively(
        self, networks: Network, shared_weights: Float[Array, "W"], tiles: Float[Array, "T C S"], num_samples: int
    ) -> Float[Array, "P W"]:
        """The same for every network, from tiles of constants and `num_samples` inputs (forward.py). CPU only."""
        num_tiles, _, tile = tiles.shape
        labels = jnp.pad(self.labels_of(num_samples), (0, num_tiles * tile - num_samples), constant_values=-1)
        shape = (networks.num_rows.shape[0], shared_weights.shape[0])
        return LOSS.call(
            "wann_cross_entropy",
            jax.ShapeDtypeStruct(shape, jnp.float32),
            *networks.kernel_tables,
            shared_weights,
            tiles,
            labels.astype(jnp.int32).reshape(num_tiles, tile),
            deviation=self.deviation,
        )

    def has_lanes(self) -> bool:
        """Whether `of_lanes` can be called: the deviation is one of all samples together."""
        return self.deviation == 0.0

    def of_lanes(self, outputs: list[Float[Array, "T"]], labels: Int[Array, "T"]) -> Float[Array, "T"]:
        """The loss of each sample, from arrays of lanes only (kernels/pallas)."""
        top = functools.reduce(jnp.maximum, outputs)
        total = sum(jnp.exp(output - top) for output in outputs)
        chosen = sum(jnp.where(labels == label, output, 0.0) for label, output in enumerate(outputs))
        return top + jnp.log(total) - chosen

    def labels_of(self, num_samples: int) -> Int[Array, "B"]:
        """The labels of so many samples. Raises ConfigError unless each sample has one."""
        fits = self.labels.shape == (num_samples,)
        require(fits, "labels", f"one for each of the {num_samples} samples", self.labels.shape)
        return self.labels


class Distillation(struct.PyTreeNode):
    """What labels and a teacher say, mixed: the cross-entropy to both.

    (1 - mix) CE(labels, z) + mix T^2 CE(softmax(t / T), z / T), of outputs z and the teacher's t. With a `deviation`,
    outputs are standardised first, as by `CrossEntropy`; the teacher's are taken as they are.
    Source: Hinton, Vinyals & Dean 2015.
    """

    labels: Int[Array, "B"]
    teacher: Float[Array, "B O"]
    temperature: Float[Array, ""]  # T, above 0
    mix: Float[Array, ""]  # the teacher's share, from 0 to 1
    deviation: float = struct.field(pytree_node=False, default=0.0)

    def __call__(self, outputs: Float[Array, "W B O"]) -> Float[Array, "W"]:
        """For each weight."""
        if self.deviation > 0.0:
            outputs = standardised(outputs, self.deviation)
        targets = jax.nn.softmax(self.teacher / self.temperature)
        soft = -(targets[None] * jax.nn.log_softmax(outputs / self.temperature)).sum(-1).mean(-1)
        hard = CrossEntropy(self.labels)(outputs)
        return (1.0 - self.mix) * hard + self.mix * jnp.square(self.temperature) * soft


class Accuracy(struct.PyTreeNode):
    """The share of samples whose largest output is that of their label, as an array of one."""

    labels: Int[Array, "B"]

    def __call__(self, outputs: Float[Array, "W B O"]) -> Float[Array, "W 1"]:
        """For each weight."""
        return (classes_of(outputs) == self.labels[None]).mean(-1, keepdims=True, dtype=jnp.float32)


def standardised(outputs: Float[Array, "W B O"], deviation: float) -> Float[Array, "W B O"]:
    """Outputs without each sample's mean, scaled for each weight to this root mean square; see `CrossEntropy`."""
    outputs = outputs - outputs.mean(-1, keepdims=True)
    found = jnp.sqrt(jnp.square(outputs).mean((-2, -1), keepdims=True))
    return outputs * (deviation / jnp.maximum(found, SMALLEST_DEVIATION))


def classes_of(outputs: Float[Array, "*batch O"]) -> Int[Array, "*batch"]:
    """The class of the largest output; -1, which is no class, where an output is no number."""
    return jnp.where(jnp.isnan(outputs).any(-1), -1, outputs.argmax(-1).astype(jnp.int32))
