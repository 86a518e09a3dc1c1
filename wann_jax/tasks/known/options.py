"""What several tasks of control share: the length of an episode, and what presets begin with."""

import dataclasses
from typing import Any

from wann_jax.tasks.registry import option

# More connections and fewer new activations than in the paper.
GROWTH: dict[str, Any] = dict(
    add_connection_rate=0.3, add_node_rate=0.3, enable_connection_rate=0.1, change_activation_rate=0.3
)
# The middles of thirds of [0, 2], moved by at most a third: weights all over it, for networks to which the sign makes
# no difference (genomes/graded.py).
MAGNITUDES: dict[str, Any] = dict(shared_weights=(1 / 3, 1.0, 5 / 3), weight_jitter=1 / 3)


@dataclasses.dataclass(frozen=True)
class ControlOptions:
    """Options of environments."""

    max_steps: int | None = option(None, "length limit of an episode")
