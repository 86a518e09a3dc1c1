"""What tuning and the protocol need of a task beyond `Task`: networks with one weight per connection.

All the package's tasks have it; a user's own task only needs it for tuning.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from jax import Array
from jaxtyping import Float, Key

from wann_jax.errors import ConfigError, require
from wann_jax.networks.layered import Topology
from wann_jax.tasks.base import Task


@runtime_checkable
class TunableTask(Task, Protocol):
    """A task whose networks may have a weight of their own for every connection."""

    def score_weights(
        self, topology: Topology, weights: Float[Array, "P #R C"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P R"]:
        """As `Task.score`, under each weight vector, or each episode's own. R = 1 for classification."""
        ...

    def returns_of_weights(
        self, topology: Topology, weights: Float[Array, "P C"], key: Key[Array, ""], size: int
    ) -> Float[Array, "P"]:
        """Training returns over `size` episodes or images, the same for all. Consumes `key`."""
        ...

    def loss_of_weights(
        self, topology: Topology, key: Key[Array, ""], size: int, horizon: int, input_noise: float
    ) -> Callable[[Float[Array, "C"]], Float[Array, ""]]:
        """A function that gradients can be taken of: minus the training return. Consumes `key`.

        `horizon`: steps that gradients reach back (control). `input_noise`: its deviation (classification).
        """
        ...

    def differentiable(self) -> "TunableTask":
        """The same task with gradients through its environment. Raises ConfigError if there are none."""
        ...


class ReturnsAreScores:
    """What tasks share whose training returns are scores of other episodes."""

    def score_weights(
        self, topology: Topology, weights: Float[Array, "P #R C"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P R"]:
        """See `TunableTask`."""
        raise NotImplementedError

    def returns_of_weights(
        self, topology: Topology, weights: Float[Array, "P C"], key: Key[Array, ""], size: int
    ) -> Float[Array, "P"]:
        """Mean over `size` episodes, for each weight vector. Consumes `key`."""
        return self.score_weights(topology, weights[:, None], key, size, "train").mean(-1)


class NoGradients(ReturnsAreScores):
    """What tasks of episodes share whose steps pass no gradients on."""

    name: str

    def loss_of_weights(
        self, topology: Topology, key: Key[Array, ""], size: int, horizon: int, input_noise: float
    ) -> Any:
        """Raises ConfigError: see `differentiable`."""
        return self.differentiable()

    def differentiable(self) -> Any:
        """Raises ConfigError: steps have no gradients."""
        raise ConfigError(f"method must be es or cma: {self.name!r} has no gradients through its steps; got 'adam'")


def tunable(task: Task) -> TunableTask:
    """The same task, known to be tunable. Raises ConfigError if it is not."""
    require(isinstance(task, TunableTask), "task", "one that can be tuned (wann_jax/tasks/tunable.py)", task.name)
    assert isinstance(task, TunableTask)
    return task
