"""The ternary search: an exactly weight agnostic classifier by gradient descent.

Not the paper's search: weights of -1, 0 and 1 are trained straight through and embedded as a graded network
(embedding.py), whose class does not depend on the shared weight.

In: a classification task, settings, a seed. Out: a genome, chosen on held-out images, or on all but the test's.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wann_jax.errors import require
from wann_jax.evolution.progress import StepProgress
from wann_jax.genomes.genome import Genome
from wann_jax.kernels.losses import classes_of
from wann_jax.networks.compiling import express
from wann_jax.networks.network import Network
from wann_jax.strictness import in_32_bits
from wann_jax.tasks.base import Task
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.ternary.config import TernaryConfig
from wann_jax.ternary.embedding import alive, embedded, num_connections
from wann_jax.ternary.model import Matrices, outputs, price_for, ternary
from wann_jax.ternary.training import UPDATES_PER_LOOK, Training, advance, begin, final_shares, most_connections

MORE = (1.0, 1.005, 1.01, 1.02, 1.03, 1.05, 1.08)  # times the budget that just fits: tried, too
NUM_JUDGEMENTS = 20  # of all restarts, between the end of the pruning and that of the training


class TernaryResult(NamedTuple):
    """What a ternary search found."""

    genome: Genome
    network: Network  # the genome, compiled
    score: float  # accuracy on the images that it was chosen on, at every shared weight but 0
    curve: list[dict[str, float]]  # step, score of the best restart, best score so far


@in_32_bits
def search_ternary(
    task: Task, config: TernaryConfig | None = None, seed: int = 0, progress: bool = False
) -> TernaryResult:
    """Finds an exactly weight agnostic classifier by gradient descent on ternary weights.

    Args:
        task: a classification task.
        config: the settings.
        seed: same seed, same result.
        progress: whether to show how far it is.

    Returns:
        The network that is best among all restarts and looks at them, on the images of `config.chosen_on`.

    Raises:
        ConfigError: if the task is no classifier, or a setting is out of range.

    Source: our own finding; see wann_jax/genomes/grading.py.
    """
    config = config or TernaryConfig()
    is_classifier = isinstance(task, ClassificationTask)
    require(is_classifier, "task", "one of classification: a ternary search needs labels", task.name)
    assert isinstance(task, ClassificationTask)
    config.check(task.num_outputs)
    require(0 <= seed < 2**63, "seed", "between 0 and 2**63 - 1", seed)
    start_key, key = jax.random.split(jax.random.key(seed))
    state = begin(start_key, config, task.num_inputs, task.num_outputs)
    num_looks = -(-config.steps // UPDATES_PER_LOOK)
    last_pruning = min(int(config.prune_end * num_looks) + 1, num_looks)
    stops = np.unique(np.linspace(last_pruning, num_looks, NUM_JUDGEMENTS).round().astype(int)).tolist()
    pruning = np.arange(0, last_pruning, max(1, last_pruning // 30))[1:].tolist()  # only to show how far it is
    best, best_score, curve, done = None, -1.0, [], 0
    with StepProgress("updates", config.steps, is_on=progress) as shown:
        for stop in [*pruning, *stops]:
            state = advance(config, task, key, state, jnp.int32(stop - done))
            done = stop
            if stop in stops:
                scores, found = _judged(config, task, state)
                if scores.max() > best_score:
                    best, best_score = found[int(scores.argmax())], float(scores.max())
                step = min(done * UPDATES_PER_LOOK, config.steps)
                curve.append({"step": step, "score": float(scores.max()), "best": best_score})
            words = "pruning" if best is None else f"accuracy {best_score:.4f} ({config.chosen_on})"
            shown.show(min(done * UPDATES_PER_LOOK, config.steps), words)
    assert best is not None
    genome = embedded(best, config.activation)
    return TernaryResult(genome, jax.jit(express)(genome), best_score, curve)


def _judged(
    config: TernaryConfig, task: ClassificationTask, state: Training
) -> tuple[np.ndarray, list[list[np.ndarray]]]:
    """Each restart's accuracy on the images that the choice is made on, and its weights, cut to the budget."""
    restarts = [cut(config, [np.asarray(matrix[index]) for matrix in state.latent]) for index in range(config.restarts)]
    splits = ("validation",) if config.chosen_on == "validation" else ("train", "validation")

    def score(weights):
        right = [_classes(weights, task.inputs[split], config.activation) == task.labels[split] for split in splits]
        return float(jnp.concatenate(right).mean())

    return np.array([score(weights) for weights in restarts]), restarts


@partial(jax.jit, static_argnums=2)
def _classes(weights, inputs, activation):
    return classes_of(outputs(weights, inputs, activation))


def cut(config: TernaryConfig, latent: Matrices) -> list[np.ndarray]:
    """Ternary weights of as many connections as the budget allows, dead ones gone."""
    shares = final_shares(config, most_connections(latent))

    def made(total: int) -> list[np.ndarray]:
        return alive([np.asarray(_kept(matrix, share * total)) for matrix, share in zip(latent, shares, strict=True)])

    low, high = 0, 2 * config.connections  # dead weights leave room for others
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if num_connections(made(middle)) <= config.connections else (low, middle)
    # Not quite monotonous: relays come and go. A little more may fit again.
    found = [made(round(low * more)) for more in MORE]
    return max((each for each in found if num_connections(each) <= config.connections), key=num_connections)


@jax.jit
def _kept(latent, budget):
    return ternary(latent, price_for(latent, budget))
