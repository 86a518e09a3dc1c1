"""The seam between networks and what they are for.

A task turns networks, shared weights and a key into returns. Tasks are pytrees: data sets and environment
parameters are leaves, so that a compiled program takes them as arguments, and sizes and names are static.
"""

from typing import NamedTuple, Protocol, runtime_checkable

from jax import Array
from jaxtyping import Float, Key

from wann_jax.errors import require
from wann_jax.networks.network import Network


class Evaluation(NamedTuple):
    """What an evaluation of a population gives."""

    returns: Float[Array, "P W"]  # mean over episodes; to be maximised
    work: Float[Array, "P"]  # units of work done for each individual, see Task.work_unit
    # Only where an objective asks for it (evolution/objectives.py):
    cases: Float[Array, "P W N"] | None = None  # results for each image or episode
    tuned: Float[Array, "P"] | None = None  # return after some steps of tuning the weights, which are then thrown away


@runtime_checkable
class Task(Protocol):
    """What a search needs of a task. `tasks.function.FunctionTask` makes one of any `policy, key -> return`.

    For some objectives it may have more: `evaluate_cases`, which is `evaluate` with the evaluation's `cases` in it, and
    `tuned_returns` (classification.py).
    """

    @property
    def name(self) -> str:
        """As the command line knows it."""
        ...

    @property
    def num_inputs(self) -> int:
        """I."""
        ...

    @property
    def num_outputs(self) -> int:
        """O."""
        ...

    @property
    def hidden_activations(self) -> tuple[int, ...]:
        """Activation ids that hidden nodes may have."""
        ...

    @property
    def work_unit(self) -> str:
        """What `Evaluation.work` counts: "steps" of an environment, or "passes" of one sample through a network."""
        ...

    @property
    def score_name(self) -> str:
        """What `score` gives: "return" or "accuracy"."""
        ...

    def evaluate(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """Training returns, the same episodes or samples for everyone. Consumes `key`."""
        ...

    def score(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P W R"]:
        """Held-out scores, [P, W, R]: fresh episodes, or the accuracy on the "validation" or "test" split (R = 1)."""
        ...


def check_fits(task: Task, network: Network) -> None:
    """Raises ConfigError unless the network has the task's numbers of inputs and outputs."""
    found = (network.spec.num_inputs, network.spec.num_outputs)
    wanted = (task.num_inputs, task.num_outputs)
    rule = f"of {wanted[0]} inputs and {wanted[1]} outputs for task {task.name!r}"
    require(found == wanted, "network", rule, f"{found[0]} inputs and {found[1]} outputs")


class Episodic:
    """What tasks of episodes share: everything comes from `rollout`."""

    def rollout(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> tuple[Float[Array, "P W R"], Float[Array, "P"]]:
        """Return of each episode, and the steps that each individual took in all. Consumes `key`."""
        raise NotImplementedError

    def evaluate(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """Mean return over the episodes. Consumes `key`."""
        return self.evaluate_cases(networks, shared_weights, key, episodes)._replace(cases=None)

    def evaluate_cases(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """The same, with the return of each episode. Consumes `key`."""
        returns, steps = self.rollout(networks, shared_weights, key, episodes)
        return Evaluation(returns.mean(-1), steps, returns)

    def score(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P W R"]:
        """The return of each episode; `split` makes no difference: every key is fresh. Consumes `key`."""
        return self.rollout(networks, shared_weights, key, episodes)[0]
