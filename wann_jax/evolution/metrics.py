"""What a generation comes to, in numbers: the rows of a run's history.

In: the population and its returns. Out: one scalar for each column.
"""

import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Float, Int

from wann_jax.devices import gathered
from wann_jax.genomes.genome import Genome


class GenerationMetrics(struct.PyTreeNode):
    """One generation in numbers; a run's history is the same class with a leading axis."""

    generation: Int[Array, "*G"]
    return_mean: Float[Array, "*G"]  # over the population, of the mean over weights
    return_median: Float[Array, "*G"]
    return_max: Float[Array, "*G"]
    best_weight_return: Float[Array, "*G"]  # the largest return under any one weight
    best_connections: Int[Array, "*G"]  # enabled, of the individual with the largest mean return
    best_hidden: Int[Array, "*G"]  # its hidden nodes
    connections_mean: Float[Array, "*G"]
    hidden_mean: Float[Array, "*G"]
    num_fronts: Int[Array, "*G"]
    champion_score: Float[Array, "*G"]
    num_overflows: Int[Array, "*G"]  # children that a full table kept from a change
    num_non_finite: Int[Array, "*G"]  # returns replaced by the floor
    work: Float[Array, "*G"]  # environment steps or network passes

    @classmethod
    def of(
        cls,
        generation: Int[Array, ""],
        genomes: Genome,
        returns: Float[Array, "P W"],
        front: Int[Array, "P"],
    ) -> "GenerationMetrics":
        """Of a population that is evaluated and ranked; what the search itself knows stays at its start."""
        means, connections, hidden = gathered((returns.mean(-1), genomes.num_enabled, genomes.num_hidden), genomes)
        best = means.argmax()
        return cls(
            generation=generation,
            return_mean=means.mean(),
            return_median=jnp.median(means),
            return_max=means[best],
            best_weight_return=returns.max(),
            best_connections=connections[best],
            best_hidden=hidden[best],
            connections_mean=connections.mean(dtype=jnp.float32),
            hidden_mean=hidden.mean(dtype=jnp.float32),
            num_fronts=front.max() + 1,
            champion_score=jnp.float32(-jnp.inf),
            num_overflows=jnp.int32(0),
            num_non_finite=jnp.int32(0),
            work=jnp.float32(0.0),
        )
