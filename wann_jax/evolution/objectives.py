"""What a generation is ranked on: objectives by name, any number of them, all to be maximised.

In: what the population got, and the population. Out: one number for each individual and objective. The names are those
of `SearchConfig.objectives`; the default, mean and simplicity-or-best, is the paper's.
Sources: lexicase, La Cava et al. 2016, "Epsilon-lexicase selection for regression"; sharing, Smith, Forrest & Perelson
1993, "Searching for diverse, cooperative populations with genetic algorithms", on results as Spector 2012 uses them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Key

from wann_jax.devices import gathered
from wann_jax.errors import require, require_known
from wann_jax.evolution.config import SearchConfig
from wann_jax.genomes.genome import Genome
from wann_jax.tasks.base import Evaluation, Task

WORST_SHARE = 3  # one of so many weights is among the worst
ORDERS = 128  # of cases, drawn in each generation
CASES_IN_ORDER = 64  # of which at most so many decide
BINS = 100  # of mean returns between a generation's worst and best
EXTRAS = {"cases": "evaluate_cases", "tuned": "tuned_returns"}  # of an evaluation: the task's method that gives it

# From a key, settings, what the population got and the population to objectives [P, M], all to be maximised. The
# genomes of a large population may be divided among devices: sums over individuals are then rounded otherwise.
Objectives = Callable[[Key[Array, ""], SearchConfig, Evaluation, Genome], Float[Array, "P M"]]


class Objective(NamedTuple):
    """One objective."""

    of: Callable[[Array, SearchConfig, Any, Genome], Float[Array, "P"]]  # of key, settings, evaluation, genomes
    needs: str = ""  # of EXTRAS: what it is made from besides returns


def _simplicity(genomes: Genome) -> Float[Array, "P"]:
    """Minus the number of enabled connections: it makes the same fronts as the original's reciprocal, but crowding
    distances are then gaps in connections, where the reciprocal crowds the population around tiny networks."""
    return -jnp.maximum(gathered(genomes.num_enabled, genomes), 1).astype(jnp.float32)


def _simplicity_or_best(key: Array, config: SearchConfig, evaluation: Evaluation, genomes: Genome) -> Array:
    by_simplicity = jax.random.bernoulli(key, jnp.float32(config.simplicity_probability))
    return jnp.where(by_simplicity, _simplicity(genomes), evaluation.returns.max(-1))


def _worst_part(returns: Float[Array, "P W"]) -> Float[Array, "P"]:
    """The conditional value at risk over weights."""
    count = max(returns.shape[-1] // WORST_SHARE, 1)
    return jnp.sort(returns, axis=-1)[:, :count].mean(-1)


def _shared(cases: Float[Array, "P W N"]) -> Float[Array, "P"]:
    """What each individual gets of the cases, each of which is divided among all in proportion to their results."""
    gained = cases - cases.min(0, keepdims=True)
    return (gained / jnp.maximum(gained.sum(0, keepdims=True), 1e-9)).sum((1, 2))


def _lexicase(key: Array, cases: Float[Array, "P W N"]) -> Float[Array, "P"]:
    """In how many of ORDERS random orders of cases an individual is the last one left, ties divided.

    Case after case, who is worse than the best one left by more than the case's median absolute deviation goes.
    """
    results = cases.reshape(cases.shape[0], -1)
    deviations = jnp.median(jnp.abs(results - jnp.median(results, axis=0, keepdims=True)), axis=0)
    count = min(CASES_IN_ORDER, results.shape[1])

    def of_order(key: Array) -> Float[Array, "P"]:
        def after(left: Bool[Array, "P"], case: Array) -> tuple[Bool[Array, "P"], None]:
            best = jnp.where(left, results[:, case], -jnp.inf).max()
            return left & (results[:, case] >= best - deviations[case]), None

        order = jax.random.permutation(key, results.shape[1])[:count]
        left, _ = lax.scan(after, jnp.ones(results.shape[0], bool), order)
        return left.astype(jnp.float32) / left.sum(dtype=jnp.float32)

    return lax.map(of_order, jax.random.split(key, ORDERS)).sum(0)


def _rarity(returns: Float[Array, "P W"]) -> Float[Array, "P"]:
    """Minus how many of the generation have a mean return in the same of BINS bins."""
    means = returns.mean(-1)
    span = jnp.maximum(means.max() - means.min(), 1e-9)
    bins = jnp.clip((BINS * (means - means.min()) / span).astype(jnp.int32), 0, BINS - 1)
    return -jnp.zeros(BINS).at[bins].add(1.0)[bins]


OBJECTIVES: dict[str, Objective] = {
    "mean": Objective(lambda key, config, got, genomes: got.returns.mean(-1)),
    "best": Objective(lambda key, config, got, genomes: got.returns.max(-1)),
    "worst": Objective(lambda key, config, got, genomes: got.returns.min(-1)),
    "worst-third": Objective(lambda key, config, got, genomes: _worst_part(got.returns)),
    "simplicity": Objective(lambda key, config, got, genomes: _simplicity(genomes)),
    "simplicity-or-best": Objective(_simplicity_or_best),
    "sharing": Objective(lambda key, config, got, genomes: _shared(got.cases), "cases"),
    "lexicase": Objective(lambda key, config, got, genomes: _lexicase(key, got.cases), "cases"),
    "rarity": Objective(lambda key, config, got, genomes: _rarity(got.returns)),
    "tunability": Objective(lambda key, config, got, genomes: got.tuned, "tuned"),
}


def named_objectives(
    key: Key[Array, ""], config: SearchConfig, evaluation: Evaluation, genomes: Genome
) -> Float[Array, "P M"]:
    """What the settings name. Consumes `key`.

    Raises ConfigError, while a program is traced, for an objective that the evaluation has nothing for.
    """
    for name in config.objectives:
        needed = OBJECTIVES[name].needs
        found = not needed or getattr(evaluation, needed) is not None
        require(found, "search.objectives", f"such as need no `{needed}` where the evaluation has none", name)
    keys = [jax.random.fold_in(key, place) for place in range(len(config.objectives))]
    if "simplicity-or-best" in config.objectives:  # the paper's only draw takes the key itself
        keys[config.objectives.index("simplicity-or-best")] = key
    columns = [
        OBJECTIVES[name].of(each, config, evaluation, genomes)
        for name, each in zip(config.objectives, keys, strict=True)
    ]
    return jnp.stack(columns, axis=-1)


def extras_of(config: SearchConfig, objectives: Objectives | None) -> frozenset[str]:
    """What the objectives need of an evaluation besides returns. A user's own take what the task gives anyway."""
    names = () if objectives else config.objectives
    return frozenset(OBJECTIVES[name].needs for name in names) - {""}


def check_objectives(config: SearchConfig, task: Task | None = None) -> None:
    """Raises ConfigError for names that nobody knows, or that the task has nothing for."""
    names: Any = config.objectives
    require(len(names) > 0, "search.objectives", f"one or more of {', '.join(OBJECTIVES)}", names)
    for name in names:
        require_known("search.objectives: objective", name, OBJECTIVES)
        method = EXTRAS.get(OBJECTIVES[name].needs)
        rule = f"such as task {getattr(task, 'name', '')!r} can serve (it has no `{method}`)"
        require(task is None or method is None or hasattr(task, method), "search.objectives", rule, name)
    require(len({*names}) == len(names), "search.objectives", "different ones", names)
