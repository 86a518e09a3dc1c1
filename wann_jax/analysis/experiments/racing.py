"""Ways to tune weights, side by side: the same topology, start, work and number of settings to choose from.

In: a task, a topology, weights to start from, a way. Out: held-out scores by work and seconds, for each seed, and the
weights that were kept. All settings and seeds of a way run at once.
"""

import dataclasses
import itertools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from wann_jax.analysis.evaluation import score_weights
from wann_jax.analysis.experiments.genetic import GeneticAlgorithm
from wann_jax.networks.layered import Topology
from wann_jax.tuning.config import TuneConfig
from wann_jax.tuning.evolution import CovarianceAdaptation, EvolutionStrategy
from wann_jax.tuning.gradient import GradientDescent
from wann_jax.tuning.pruning import steps_until_pruned

PASSES_OF_A_GRADIENT = 3  # forwards, and backwards at twice the price
LOOKS = 12
EPISODES = 64  # held out (control)


class Way(NamedTuple):
    """A method of tuning, and the settings that it may choose from."""

    name: str
    method: Callable[..., Any]
    setting: str  # "learning_rates" or "deviation"
    choices: tuple[float, ...]
    changes: dict[str, Any]  # of the configuration, otherwise


WAYS = (
    Way("Adam", GradientDescent, "learning_rates", (0.01, 0.03), {}),
    Way("evolution strategy", EvolutionStrategy, "deviation", (0.05, 0.15), dict(learning_rates=(0.03,))),
    Way("CMA-ES", CovarianceAdaptation, "deviation", (0.05, 0.15), {}),
    Way("genetic algorithm", GeneticAlgorithm, "deviation", (0.02, 0.06), {}),
)


class Race(NamedTuple):
    """What a way came to, with the setting that was best on held-out data; scores are held-out ones, best so far."""

    choice: float
    work: np.ndarray  # [looks]: passes of one image, or episodes
    seconds: np.ndarray  # [looks], of all settings and seeds together, without compiling
    curve: np.ndarray  # [looks, seeds]
    weights: np.ndarray  # [seeds, C]: the best of each seed's run


def best_start(task: Any, topology: Topology) -> float:
    """The shared weight that is best on held-out images or episodes."""
    grid = np.linspace(-2.0, 2.0, 41).astype(np.float32)
    vectors = np.repeat(grid[:, None], topology.num_connections, 1)
    return float(grid[int(scores(task, topology, vectors, "validation").argmax())])


def scores(task: Any, topology: Topology, vectors: np.ndarray, split: str) -> np.ndarray:
    """Mean score of each weight vector [P, C]; validation and test have episodes of their own."""
    weights, key = jnp.asarray(vectors)[:, None], jax.random.key(7 if split == "validation" else 8)
    return np.asarray(score_weights(task, topology, weights, key, EPISODES, split)).mean(-1)


def race(
    task: Any, topology: Topology, starts: np.ndarray, way: Way, work: int, size: int, connections: int = 0
) -> Race:
    """Runs one way until so much work is done, all its settings and seeds at once.

    Args:
        task: what the weights are for.
        topology: whose weights they are.
        starts: [seeds, C].
        way: the method, and its settings.
        work: passes of one image, or episodes, for each setting and seed; those of a gradient count three times.
        size: images or episodes for each candidate or gradient.
        connections: to which Adam prunes; 0: not at all.
    """
    is_images, seeds = task.score_name == "accuracy", len(starts)
    names: dict[str, Any] = dict(minibatch_size=size) if is_images else dict(episodes=size)
    population = 64 if is_images else 32
    is_gradient = way.method is GradientDescent
    per_step = PASSES_OF_A_GRADIENT * size if is_gradient else population * size
    steps = max(LOOKS, work // per_step)
    config = TuneConfig(steps=steps, population_size=population, connections=connections, **names, **way.changes)
    trained = task.differentiable() if is_gradient else task
    values = jnp.repeat(jnp.asarray(way.choices), seeds)
    keys = jax.vmap(jax.random.key)(jnp.tile(jnp.arange(seeds), len(way.choices)))
    begin = jnp.tile(jnp.asarray(starts, jnp.float32), (len(way.choices), 1))

    def made(value):
        value = (value,) if way.setting == "learning_rates" else value
        return way.method(trained, topology, dataclasses.replace(config, **{way.setting: value}))

    @jax.jit
    @jax.vmap
    def init(value, key, start):
        return made(value).init(jax.random.fold_in(key, 2**31), start)

    @jax.jit
    def advance(task, state, first, last):
        def of_lane(state, value, key):
            method = made(value)
            return lax.fori_loop(first, last, lambda i, s: method.step(task, jax.random.fold_in(key, i), s), state)

        return jax.vmap(of_lane)(state, values, keys)

    weights_of = jax.jit(jax.vmap(lambda state, value: made(value).weights(state)[0]))
    state = init(values, keys, begin)
    jax.block_until_ready(advance(trained, state, jnp.int32(0), jnp.int32(0)))  # compiled
    best = np.asarray(begin)
    score = scores(task, topology, best, "validation")
    curve, seconds, stops = [score], [0.0], np.linspace(0, steps, LOOKS + 1).round().astype(int)
    first_kept = steps_until_pruned(steps) if connections else 0
    for first, last in itertools.pairwise(stops.tolist()):
        began = time.perf_counter()
        state = jax.block_until_ready(advance(trained, state, jnp.int32(first), jnp.int32(last)))
        seconds.append(seconds[-1] + time.perf_counter() - began)
        weights = np.asarray(weights_of(state, values))
        found = scores(task, topology, weights, "validation")
        is_first = first < first_kept <= last  # whatever it scores: before, connections were still going
        is_better = np.isfinite(found) & ((found > score) & (last >= first_kept) | is_first)
        best, score = np.where(is_better[:, None], weights, best), np.where(is_better, found, score)
        curve.append(score)
    by_choice = np.stack(curve).reshape(-1, len(way.choices), seeds)
    chosen = int(by_choice[-1].mean(-1).argmax())
    kept = best.reshape(len(way.choices), seeds, -1)[chosen]
    return Race(way.choices[chosen], stops * per_step, np.array(seconds), by_choice[:, chosen], kept)
