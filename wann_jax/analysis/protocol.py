"""The protocol: what a topology gives under random weights, one shared weight, tuned weights, as in the paper's tables.

In: a task, a network, perhaps tuned weights. Out: named rows of means and deviations. What is chosen (the best shared
weight, the amount of noise) is chosen on training episodes or the validation split; rows are measured on other
episodes, or on the test split. Source: paper, section 4; the rows of noise test whether the ensemble is more than that.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wann_jax.analysis.evaluation import SPLITS, evaluate, score_weights
from wann_jax.errors import require
from wann_jax.evolution.config import PUBLISHED_WEIGHTS, check_weights
from wann_jax.kernels.forward import forward_samples
from wann_jax.kernels.losses import classes_of
from wann_jax.networks.layered import Topology
from wann_jax.networks.network import Network
from wann_jax.strictness import in_32_bits
from wann_jax.tasks.base import check_fits
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.tasks.tunable import TunableTask

RANGE = 2.0  # random weights are uniform in [-RANGE, RANGE]
GRID_STEP = 0.02
EPISODES_PER_WEIGHT = 10  # of the row of random shared weights
GRID_EPISODES = 32
CHOICE_SEED = 2**31 - 2  # of the episodes that choose the shared weight
NOISE_LEVELS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5)
WEIGHTS_PER_CALL = 64
LARGEST_OUTPUT = 1e30  # of differences, 32 bits hold twice that

Row = dict[str, Any]


@in_32_bits
def protocol(
    task: TunableTask,
    network: Network,
    weights: np.ndarray | None = None,
    trials: int = 1000,
    shared_weights: Sequence[float] = PUBLISHED_WEIGHTS,
    seed: int = 0,
    split: str = "test",
    best: float | None = None,
    on_row: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """The paper's rows for one network: random weights, random and tuned shared weight, tuned weights, ensembles.

    Args:
        task: what the network is for.
        network: one compiled network.
        weights: its tuned weights [C], if it has any.
        trials: episodes of each row (control); random weights, at most 200, since each sees the whole split
            (classification).
        shared_weights: the members of an ensemble (classification).
        seed: of episodes and random weights.
        split: the images that rows are measured on, "test", or "validation" while something is still to be chosen.
        best: the shared weight of the tuned row; by default `best_shared_weight`.
        on_row: called with every row that is done.

    Returns:
        Rows with a name ("row"), "mean", "std" over "trials" (None if there is one alone), and what else a row has.

    Raises:
        ConfigError: if something does not fit.

    Source: the paper, section 4.
    """
    check_fits(task, network)
    require(trials >= EPISODES_PER_WEIGHT, "trials", f"at least {EPISODES_PER_WEIGHT}", trials)
    check_weights("weights", shared_weights)
    require(split in SPLITS, "split", f"one of {', '.join(SPLITS)}", split)
    topology = Topology.of(network)
    if weights is not None:
        check_weight_vector(weights, topology.num_connections)
    trials = min(trials, 200) if isinstance(task, ClassificationTask) else trials
    best = best_shared_weight(task, network) if best is None else best
    parts: list[Callable[[], Row | list[Row]]] = [
        partial(_random_weights, task, topology, trials, seed, split),
        partial(_random_shared, task, network, trials, seed, split),
        partial(_tuned_shared, task, network, best, trials, seed, split),
    ]
    if weights is not None:
        parts.append(partial(_tuned_weights, task, topology, weights, trials, seed, split))
    if isinstance(task, ClassificationTask):
        parts.append(partial(_ensemble_rows, task, network, tuple(shared_weights), best, seed, split))
    rows: list[Row] = []
    for part in parts:
        made = part()
        for row in made if isinstance(made, list) else [made]:
            rows.append(row)
            on_row(row)
    return rows


def size_of(network: Network) -> dict[str, int]:
    """Connections (all that are enabled, and the live ones, from which a way leads to an output) and hidden nodes.

    A live connection is a parameter, and one multiply-add of a pass.
    """
    topology = Topology.of(network)
    live = sum(len(node.connections) for node in topology.nodes)
    return {"connections": topology.num_connections, "live_connections": live, "hidden": topology.num_hidden}


def check_weight_vector(weights: Any, num_connections: int) -> np.ndarray:
    """The weights as an array [C]. Raises ConfigError unless they are finite and as many as connections."""
    vector = np.asarray(weights, np.float32)
    fits = vector.shape == (num_connections,)
    require(fits, "weights", f"one number for each of the {num_connections} connections", vector.shape)
    require(bool(np.isfinite(vector).all()), "weights", "finite", weights)
    return vector


@in_32_bits
def best_shared_weight(
    task: TunableTask, network: Network, grid_step: float = GRID_STEP, episodes: int = GRID_EPISODES
) -> float:
    """The shared weight with the best mean score: on a grid over [-2, 2], refined around its best.

    Args:
        task: what the network is for.
        network: one compiled network.
        grid_step: distance of the grid's weights.
        episodes: for each weight (control), of a seed that nothing else uses; the eight weights around the best see
            four times as many. Classification uses the validation split.

    Returns:
        The weight.

    Raises:
        ConfigError: if the network does not fit the task.

    Source: the paper's tuned shared weight, section 4.
    """

    def best_of(candidates: np.ndarray, episodes: int) -> float:
        scores = _scores(task, network, candidates, episodes, CHOICE_SEED, "validation").mean(-1)
        return float(candidates[np.where(np.isfinite(scores), scores, -np.inf).argmax()])

    count = round(2 * RANGE / grid_step) + 1
    coarse = best_of(np.linspace(-RANGE, RANGE, count), episodes)
    near = np.clip(coarse + grid_step / 4 * np.arange(-4, 5), -RANGE, RANGE)
    return best_of(near, 4 * episodes)


def _scores(
    task: TunableTask, network: Network, weights: np.ndarray, episodes: int, seed: int, split: str
) -> np.ndarray:
    """[W, R], some weights at a time."""
    parts, at_once = [], min(WEIGHTS_PER_CALL, len(weights))
    for first in range(0, len(weights), at_once):
        some = weights[first : first + at_once]
        padded = np.concatenate([some, np.repeat(some[:1], at_once - len(some))])  # one program for all parts
        parts.append(evaluate(task, [network], padded.tolist(), episodes, seed, split)[0, : len(some)])
    return np.concatenate(parts)


def _row(name: str, scores: np.ndarray, **more: Any) -> Row:
    return {"row": name, "mean": float(scores.mean()), "std": float(scores.std()), "trials": int(scores.size), **more}


def _share(name: str, is_right: np.ndarray, **more: Any) -> Row:
    """A row of one trial, which has no deviation: the share of images that are classified rightly."""
    return {"row": name, "mean": float(is_right.mean()), "std": None, "trials": 1, "images": len(is_right), **more}


def _random_weights(task: TunableTask, topology: Topology, trials: int, seed: int, split: str) -> Row:
    vectors = np.random.default_rng(seed).uniform(-RANGE, RANGE, (trials, topology.num_connections))
    weights = jnp.asarray(vectors, jnp.float32)
    by_trial = weights[:, None] if isinstance(task, ClassificationTask) else weights[None]
    scores = score_weights(task, topology, by_trial, jax.random.key(seed), trials, split)
    return _row("random weights", np.asarray(scores))


def _random_shared(task: TunableTask, network: Network, trials: int, seed: int, split: str) -> Row:
    episodes = 1 if isinstance(task, ClassificationTask) else EPISODES_PER_WEIGHT
    weights = np.random.default_rng(seed + 1).uniform(-RANGE, RANGE, trials // episodes)
    scores = _scores(task, network, weights, episodes, seed, split)
    within = float(np.sqrt(scores.var(-1, ddof=1).mean())) if episodes > 1 else None
    return _row("random shared weight", scores, std_within_weight=within, weights=len(weights))


def _tuned_shared(task: TunableTask, network: Network, best: float, trials: int, seed: int, split: str) -> Row:
    return _row("tuned shared weight", evaluate(task, [network], [best], trials, seed, split)[0], weight=best)


def _tuned_weights(
    task: TunableTask, topology: Topology, weights: np.ndarray, trials: int, seed: int, split: str
) -> Row:
    vector = jnp.asarray(weights, jnp.float32)[None, None]
    scores = np.asarray(score_weights(task, topology, vector, jax.random.key(seed), trials, split))
    return _row("tuned weights", scores, median=float(np.median(scores)))


def _ensemble_rows(
    task: ClassificationTask, network: Network, members: tuple[float, ...], best: float, seed: int, split: str
) -> list[Row]:
    """Members vote, or average their probabilities; beside them one weight, as often, on inputs with matched noise.

    Matched: copies with noise disagree with each other as often as members do, on the validation split.
    """
    outputs = outputs_under(task, network, members, split, 0.0, seed)
    copies = (best,) * len(members)
    wanted = disagreement(outputs_under(task, network, members, "validation", 0.0, seed))
    found = {level: outputs_under(task, network, copies, "validation", level, seed) for level in NOISE_LEVELS}
    level = min(NOISE_LEVELS, key=lambda level: abs(disagreement(found[level]) - wanted))
    noisy = outputs_under(task, network, copies, split, level, seed + 1)
    labels = np.asarray(task.labels[split])
    by_weight = {
        f"{weight:g}": {
            "accuracy": float((each == labels).mean()),
            "by_class": [float((each == labels)[labels == k].mean()) for k in range(task.num_outputs)],
        }
        for weight, each in zip(members, _classes(outputs), strict=True)
    }
    return [
        _share("ensemble, one vote each", vote(outputs) == labels, members=list(members), by_weight=by_weight),
        _share("ensemble, averaged probabilities", averaged(outputs) == labels, members=list(members)),
        _share("one weight, matched input noise, votes", vote(noisy) == labels, weight=best, noise=level),
        _share("one weight, matched input noise, averaged", averaged(noisy) == labels, weight=best, noise=level),
    ]


def outputs_under(
    task: ClassificationTask, network: Network, weights: tuple[float, ...], split: str, noise: float, seed: int
) -> np.ndarray:
    """Outputs [W, B, O] on a split; with noise of that deviation, each weight sees inputs of its own."""
    batch = jax.tree.map(lambda table: jnp.asarray(table)[None], network)
    inputs = np.asarray(task.inputs[split])
    if not noise:
        return np.asarray(_forward(batch, jnp.asarray(weights, jnp.float32), jnp.asarray(inputs))[0])
    random = np.random.default_rng(seed)
    made = []
    for weight in weights:
        disturbed = inputs + noise * random.normal(size=inputs.shape).astype(np.float32)
        made.append(_forward(batch, jnp.asarray([weight], jnp.float32), jnp.asarray(disturbed))[0, 0])
    return np.stack([np.asarray(each) for each in made])


_forward = jax.jit(forward_samples)


def vote(outputs: np.ndarray) -> np.ndarray:
    """Class [B] with most votes among outputs [W, B, O]; ties go to the larger mean probability.

    Outputs that are no numbers have no vote; without any vote the class is -1, none.
    """
    votes = (_classes(outputs)[..., None] == np.arange(outputs.shape[-1])).sum(0)
    return _largest(votes + 1e-3 * _probabilities(outputs).mean(0))


def averaged(outputs: np.ndarray) -> np.ndarray:
    """Class [B] with the largest mean probability; see `vote`."""
    return _largest(_probabilities(outputs).mean(0))


def disagreement(outputs: np.ndarray) -> float:
    """Share of samples on which two members name different classes, mean over pairs."""
    classes = _classes(outputs)
    pairs = [(i, j) for i in range(len(classes)) for j in range(i)]
    return float(np.mean([(classes[i] != classes[j]).mean() for i, j in pairs])) if pairs else 0.0


def _classes(outputs: np.ndarray) -> np.ndarray:
    return np.asarray(classes_of(jnp.asarray(outputs)))


def _largest(shares: np.ndarray) -> np.ndarray:
    return np.where(shares.max(-1) > 0.0, shares.argmax(-1), -1)


def _probabilities(outputs: np.ndarray) -> np.ndarray:
    """Softmax; 0 for all classes where an output is no number."""
    outputs = np.clip(outputs, -LARGEST_OUTPUT, LARGEST_OUTPUT)  # infinite ones too
    odds = np.exp(outputs - outputs.max(-1, keepdims=True))
    return np.nan_to_num(odds / odds.sum(-1, keepdims=True))
