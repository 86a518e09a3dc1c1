"""Settings of the ternary search, checked.

In: names and numbers from a user. Out: a `TernaryConfig`.
"""

import dataclasses
import math

from wann_jax.errors import require, require_known

ACTIVATIONS = ("abs", "relu")
CHOSEN_ON = ("validation", "all")
MOST_HIDDEN = 4096


@dataclasses.dataclass(frozen=True)
class TernaryConfig:
    """What a ternary search does; sizes are static."""

    connections: int = 1849  # of the network at most, relays counted
    hidden: tuple[int, ...] = (100,)  # nodes of each hidden layer before the pruning
    activation: str = "abs"  # of hidden nodes: abs or relu
    steps: int = 6000  # updates
    minibatch_size: int = 256  # images of an update
    learning_rate: float = 0.01  # of Adam, falling to 0
    input_noise: float = 0.1  # deviation of noise on training images: against overfitting
    restarts: int = 2  # searches side by side; the best on the validation split is kept
    chosen_on: str = (
        "validation"  # images; or "all" but the test's: they tell networks apart that are too small to overfit
    )
    last_share: float = 0.3  # of the connections that are left, those between the last hidden layer and the outputs
    deviation: float = 6.0  # to which outputs are standardised before the softmax
    prune_begin: float = 0.05  # share of the steps after which weights go
    prune_end: float = 0.7  # after which none go any more

    def check(self, num_outputs: int) -> None:
        """Raises ConfigError on the first setting that breaks a rule."""
        counts = {"steps": self.steps, "minibatch_size": self.minibatch_size, "restarts": self.restarts}
        for name, value in counts.items():
            require(_is_whole(value) and value >= 1, f"ternary.{name}", "a whole number, at least 1", value)
        least = least_connections(len(self.hidden), num_outputs)
        fits = _is_whole(self.connections) and self.connections >= least
        rule = f"at least {least}: one path to each of {num_outputs} classes, relays counted"
        require(fits, "ternary.connections", rule, self.connections)
        fits = len(self.hidden) >= 1 and all(_is_whole(width) and 1 <= width <= MOST_HIDDEN for width in self.hidden)
        rule = f"one or more whole numbers between 1 and {MOST_HIDDEN}"
        require(fits, "ternary.hidden", rule, self.hidden)
        require_known("ternary.activation", self.activation, ACTIVATIONS)
        require_known("ternary.chosen_on", self.chosen_on, CHOSEN_ON)
        for name in ("learning_rate", "deviation"):
            value = getattr(self, name)
            require(_is_number(value) and value > 0, f"ternary.{name}", "finite and above 0", value)
        fits = _is_number(self.input_noise) and self.input_noise >= 0
        require(fits, "ternary.input_noise", "finite and at least 0", self.input_noise)
        fits = _is_number(self.last_share) and 0 < self.last_share < 1
        require(fits, "ternary.last_share", "between 0 and 1", self.last_share)
        fits = _is_number(self.prune_begin) and _is_number(self.prune_end)
        fits = fits and 0 <= self.prune_begin < self.prune_end < 1
        rule = "in order: 0 <= prune_begin < prune_end < 1"
        require(fits, "ternary.prune_begin and prune_end", rule, (self.prune_begin, self.prune_end))


def least_connections(num_hidden_layers: int, num_outputs: int) -> int:
    """Of a network with one path to each class, each through nodes of its own, from one input and its relay."""
    return 1 + num_outputs * (2 * num_hidden_layers + 1)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
