"""What a network is worth at shared weights that no search tried.

In: a task, a network, and tuned weights if there are any. Out: scores on a grid, as plain data or as a picture.
"""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from wann_jax.analysis.evaluation import evaluate, score_weights
from wann_jax.errors import require
from wann_jax.networks.layered import Topology
from wann_jax.networks.network import Network
from wann_jax.strictness import in_32_bits
from wann_jax.tasks.base import Task, check_fits
from wann_jax.tasks.tunable import TunableTask

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPLIT = "validation"  # of classifiers: the test images stay unseen
SWEEP = np.linspace(-2.5, 2.5, 101)
SEED = 2**31 - 3  # of episodes that nothing else uses


@in_32_bits
def sweep(task: Task, network: Network, weights: np.ndarray | None, episodes: int) -> dict[str, Any]:
    """The score at shared weights from -2.5 to 2.5: median and tenths of the episodes, or the accuracy."""
    scores = evaluate(task, [network], SWEEP.tolist(), episodes, SEED, SPLIT)[0]
    low, middle, high = np.percentile(scores, [10, 50, 90], axis=-1).tolist()
    spreads, tuned = scores.shape[-1] > 1, None
    if weights is not None and isinstance(task, TunableTask):
        vector = jnp.asarray(weights, jnp.float32)[None, None]
        tuned = float(
            np.median(score_weights(task, Topology.of(network), vector, jax.random.key(SEED), episodes, SPLIT))
        )
    return {
        "name": task.score_name,
        "weights": SWEEP.round(3).tolist(),
        "middle": middle,
        "low": low if spreads else None,
        "high": high if spreads else None,
        "tuned": tuned,
    }


def plot_weights(task: Task, network: Network, weights: np.ndarray | None = None, episodes: int = 20) -> "Figure":
    """A picture of the score against the shared weight, from -2.5 to 2.5.

    Args:
        task: what the network is for.
        network: one compiled network.
        weights: tuned weights [C], whose score becomes a dashed line.
        episodes: for each of the 101 weights, of a seed that nothing else uses (control).

    Returns:
        A figure of matplotlib's: the median of the episodes, their middle 80 % as a band, points at the six weights
        that searches use. Of a classifier the accuracy on the validation split.

    Raises:
        ConfigError: if the network or the weights do not fit, or an argument is out of range.
    """
    from wann_jax.report.plots import plot_sweep  # here: matplotlib takes a while

    check_fits(task, network)
    if weights is not None:
        count, found = int(network.num_connections), np.shape(weights)
        require(found == (count,), "weights", f"{count} numbers, one for each connection", found)
    return plot_sweep(sweep(task, network, weights, episodes), f"{task.name}: one weight for all connections")
