"""Any function `policy, key -> return` as a task.

In: a pure function of a policy (inputs [..., I] -> outputs [..., O]) and a key. Out: a task. Plain, not the fastest:
the definition `forward` runs under vmap.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Float, Key

from wann_jax.errors import ConfigError, require
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.kernels.forward import forward
from wann_jax.networks.layered import Topology, in_lanes
from wann_jax.networks.network import Network
from wann_jax.tasks.base import Evaluation
from wann_jax.tasks.tunable import ReturnsAreScores

Policy = Callable[[Array], Array]


def xor_return(policy: Policy, key: Array) -> Float[Array, ""]:
    """Exclusive or of two bits: 1 - mean squared error of the clipped output. The key makes no difference."""
    inputs = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    wanted = jnp.array([0.0, 1.0, 1.0, 0.0])
    answers = jnp.clip(policy(inputs)[:, 0], 0.0, 1.0)
    return 1.0 - jnp.square(answers - wanted).mean()


class FunctionTask(ReturnsAreScores, struct.PyTreeNode):
    """A user's own task, from a function of a policy."""

    function: Callable[[Policy, Array], Array] = struct.field(pytree_node=False)
    num_inputs: int = struct.field(pytree_node=False)
    num_outputs: int = struct.field(pytree_node=False)
    name: str = struct.field(pytree_node=False, default="function")
    hidden_activations: tuple[int, ...] = struct.field(pytree_node=False, default=tuple(ACTIVATION_IDS.values()))
    work_unit: str = struct.field(pytree_node=False, default="episodes")
    score_name: str = struct.field(pytree_node=False, default="return")

    def _return(self, policy: Policy, key: Array) -> Float[Array, ""]:
        """One value of the function. Raises ConfigError, while a program is traced, unless that is one real number."""
        found = self.function(policy, key)
        rule = "one real number, of shape ()"
        try:
            value = jnp.asarray(found)
        except (TypeError, ValueError):  # no array at all
            raise ConfigError(f"{self._answer} must be {rule}; got {type(found).__name__}") from None
        is_real = any(jnp.issubdtype(value.dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool_))
        require(value.shape == () and is_real, self._answer, rule, f"{value.dtype}{list(value.shape)}")
        return value.astype(jnp.float32)

    @property
    def _answer(self) -> str:
        return f"what the function of task {self.name!r} returns"

    def evaluate(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """Mean of the function over `episodes` keys. Consumes `key`."""
        return self.evaluate_cases(networks, shared_weights, key, episodes)._replace(cases=None)

    def evaluate_cases(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """The same, with the function's value at each key. Consumes `key`."""
        cases = self.score(networks, shared_weights, key, episodes, "train")
        return Evaluation(cases.mean(-1), jnp.full(cases.shape[0], float(shared_weights.shape[0] * episodes)), cases)

    def score(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P W R"]:
        """The function's value at each key. Consumes `key`."""

        def one(network, weight, key):
            return self._return(lambda inputs: forward(network, weight, inputs), key)

        over_episodes = jax.vmap(one, (None, None, 0))
        over_weights = jax.vmap(over_episodes, (None, 0, None))
        return jax.vmap(over_weights, (0, None, None))(networks, shared_weights, jax.random.split(key, episodes))

    def score_weights(
        self, topology: Topology, weights: Float[Array, "P #R C"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P R"]:
        """The function's value at each key, for each weight vector. Consumes `key`."""

        def one(vector, key):
            return self._return(lambda inputs: in_lanes(topology, vector, inputs), key)

        vectors = jnp.broadcast_to(weights, (weights.shape[0], episodes, weights.shape[-1]))
        return jax.vmap(jax.vmap(one), (0, None))(vectors, jax.random.split(key, episodes))

    def loss_of_weights(
        self, topology: Topology, key: Key[Array, ""], size: int, horizon: int, input_noise: float
    ) -> Callable[[Float[Array, "C"]], Float[Array, ""]]:
        """Minus the mean over `size` keys. Consumes `key`."""
        return lambda weights: -self.returns_of_weights(topology, weights[None], key, size)[0]

    def differentiable(self) -> "FunctionTask":
        """The same: the function is differentiated as it is."""
        return self
