"""Weight agnostic search: the algorithm, one generation as one compiled program.

    genomes -> express -> evaluate under every shared weight -> rank -> choose parents -> breed -> genomes

In: a task, a `SearchConfig`, a state. Out: the state some generations later, and metrics: `run_generations`, which
loop.py calls until a search is done. For people with their own loop: `init`, `ask`, `tell`.
Source: Gaier & Ha 2019, "Weight Agnostic Neural Networks", section 3; differences stand in ARCHITECTURE.md.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array, lax
from jaxtyping import Bool, Float, Int, Key

from wann_jax.devices import Devices, gathered, home_of, on_devices, over_population, replicated
from wann_jax.errors import require
from wann_jax.evolution.breeding import breed_in_place, individuals_at
from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.metrics import GenerationMetrics
from wann_jax.evolution.objectives import Objectives, extras_of, named_objectives
from wann_jax.evolution.ranking import rank_islands
from wann_jax.evolution.selection import choose_parents, with_migrants
from wann_jax.genomes.genome import Genome, GenomeSpec
from wann_jax.genomes.mutation import Mutated
from wann_jax.genomes.population import Pairs, has_room, initial_population
from wann_jax.networks.compiling import express
from wann_jax.networks.network import Network
from wann_jax.strictness import LARGEST, in_32_bits
from wann_jax.tasks.base import Evaluation, Task

# What a return that is not finite counts as at most: worse than any real one, yet fit for arithmetic.
RETURN_FLOOR = -1e9
MAX_GENERATIONS_PER_DISPATCH = 32


class SearchState(struct.PyTreeNode):
    """All that a search carries from one generation to the next."""

    key: Key[Array, ""]  # root key; every use folds in the generation
    generation: Int[Array, ""]  # the generation that `genomes` belong to
    genomes: Genome  # [P], not evaluated yet
    champion: Genome
    champion_score: Float[Array, ""]  # -inf before the first judgement
    next_mark: Int[Array, ""]  # the first historical mark that no node has had


class Candidate(NamedTuple):
    """A genome that may become the champion."""

    genome: Genome
    score: Float[Array, ""]


@in_32_bits
def init(key: Key[Array, ""], config: SearchConfig, spec: GenomeSpec) -> SearchState:
    """The state before generation 0.

    Args:
        key: the root of all randomness of the search; do not use it elsewhere.
        config: the settings.
        spec: the sizes of genomes (`GenomeSpec.for_task`).

    Returns:
        A state whose genomes [P] are random: bias and inputs joined to outputs (in a graded spec, to chains of nodes
        before them), each connection enabled by chance.

    Source: the original's initial population.
    """
    init_key = jax.random.fold_in(key, jnp.uint32(2**32 - 1))
    genomes = initial_population(init_key, spec, config.population_size, config.initial_connection_probability)
    return SearchState(
        key=key,
        generation=jnp.int32(0),
        genomes=genomes,
        champion=jax.tree.map(lambda table: table[0], genomes),
        champion_score=jnp.float32(-jnp.inf),
        next_mark=jnp.int32(spec.num_fixed + spec.num_chained),
    )


@in_32_bits
def ask(state: SearchState) -> Network:
    """The networks to evaluate.

    Args:
        state: as `init` or `tell` gave it.

    Returns:
        One compiled network for each individual, [P].
    """
    return jax.vmap(express)(state.genomes)


@in_32_bits
def tell(
    config: SearchConfig,
    state: SearchState,
    evaluation: Evaluation | Float[Array, "P W"],
    candidate: Candidate | None = None,
    objectives: Objectives | None = None,
) -> tuple[SearchState, GenerationMetrics]:
    """Ranks the generation by its returns and breeds the next one.

    Args:
        config: the settings that the state was made with.
        state: the state whose networks were evaluated.
        evaluation: what they got, or just their returns [P, W], one for each individual and shared weight, to be
            maximised. Returns that are not finite count as less than all others, see `with_floor`.
        candidate: replaces the champion if its score is higher; by default the individual with the largest mean return.
        objectives: what to rank on, by default the objectives that the settings name.

    Returns:
        The state of the next generation, and this one in numbers.

    Raises:
        ConfigError: if the settings ask for crossover and the spec is not ordered, or if returns or objectives have
            another shape.

    Source: Gaier & Ha 2019, section 3.
    """
    spec = state.genomes.spec
    fits = spec.is_ordered or not config.crossover_probability
    require(fits, "search.crossover_probability", "0 where the spec is not ordered", config.crossover_probability)
    if not isinstance(evaluation, Evaluation):
        require(not jnp.iscomplexobj(evaluation), "returns", "real numbers", str(evaluation.dtype))
        evaluation = Evaluation(jnp.asarray(evaluation, jnp.float32), jnp.zeros(config.population_size))
    size = state.genomes.num_nodes.shape[0]
    _check_shape("returns", evaluation.returns, "networks x weights", size, None)
    returns, finite = with_floor(evaluation.returns), jnp.isfinite(evaluation.returns)
    rank_key, parent_key, breed_key = jax.random.split(_generation_key(state, 0), 3)
    if candidate is None:
        best = returns.mean(-1).argmax()
        candidate = Candidate(_individual(state.genomes, best), returns.mean(-1)[best])
    points = (objectives or named_objectives)(rank_key, config, evaluation._replace(returns=returns), state.genomes)
    _check_shape("what objectives give", points, "individuals x objectives", size, None)
    points = gathered(points, state.genomes)
    order, front = rank_islands(points, config.islands)
    children, passes = _children(parent_key, breed_key, config, state, order)
    wins = candidate.score > state.champion_score
    champion = jax.tree.map(lambda new, old: jnp.where(wins, new, old), candidate.genome, state.champion)
    next_state = state.replace(
        generation=state.generation + 1,
        next_mark=state.next_mark + config.marks_per_generation,
        genomes=children.genome,
        champion=champion,
        champion_score=jnp.where(wins, candidate.score, state.champion_score),
    )
    metrics = GenerationMetrics.of(state.generation, state.genomes, returns, front)
    return next_state, metrics.replace(
        champion_score=next_state.champion_score,
        num_overflows=(children.overflow & ~passes).sum(),
        num_non_finite=(~finite).sum(dtype=jnp.int32),
    )


def _children(
    parent_key: Array, breed_key: Array, config: SearchConfig, state: SearchState, order: Int[Array, "K S"]
) -> tuple[Mutated, Bool[Array, "P"]]:
    """The next generation, from each island's individuals, the best first; and which of it are as their parents were.
    Consumes both keys."""
    choice = choose_parents(parent_key, order, config.num_breeders, config.num_elites, config.tournament_size)
    is_due = (state.generation + 1) % config.migration_interval == 0
    choice = with_migrants(choice, order, config.migrants, is_due)
    is_crossed = jax.random.bernoulli(
        _generation_key(state, 3), float(config.crossover_probability), (config.population_size,)
    )
    pairs = Pairs(choice.parents, choice.partners, is_crossed)
    return breed_in_place(breed_key, config, state.genomes, pairs, choice, state.next_mark), choice.passes


def run_generation(
    config: SearchConfig, state: SearchState, task: Task, objectives: Objectives | None = None
) -> tuple[SearchState, GenerationMetrics]:
    """One whole generation: express, evaluate, judge the champion, rank, select, mutate."""
    weights = jnp.asarray(config.shared_weights, jnp.float32)
    jitter = jax.random.uniform(_generation_key(state, 2), weights.shape, minval=-1.0, maxval=1.0)
    weights = weights + jnp.float32(config.weight_jitter) * jitter
    extras = extras_of(config, objectives)
    evaluate = over_population(partial(_express_and_evaluate, episodes=config.episodes, extras=extras))
    evaluation = evaluate(state.genomes, task, weights, _generation_key(state, 1))
    is_due = (state.generation == 0) | ((state.generation + 1) % config.champion_interval == 0)
    nobody = Candidate(state.champion, jnp.float32(-jnp.inf))
    candidate = lax.cond(is_due, lambda: judge(config, state, task, evaluation.returns), lambda: nobody)
    next_state, metrics = tell(config, state, evaluation, candidate, objectives)
    return next_state, metrics.replace(work=evaluation.work.sum())


def with_floor(returns: Float[Array, "P W"]) -> Float[Array, "P W"]:
    """The returns; those that are not finite as a number so low that a mean with one of them is below all without."""
    size, num_weights = returns.shape
    finite = jnp.isfinite(returns)
    largest = jnp.where(finite, jnp.abs(returns), 0.0).max()
    # With all other returns of an individual at +largest its mean is still below -largest. Sums of floors are finite.
    floor = jnp.clip(-2.0 * num_weights * largest, -LARGEST / (size * num_weights), RETURN_FLOOR)
    return jnp.where(finite, returns, floor)


def judge(config: SearchConfig, state: SearchState, task: Task, returns: Float[Array, "P W"]) -> Candidate:
    """The best of this generation by its score on held-out data or episodes (the validation split).

    The same episodes judge every generation of a run, so that scores compare.
    """
    _, best = lax.top_k(with_floor(returns).mean(-1), config.champion_candidates)
    weights = jnp.asarray(config.shared_weights, jnp.float32)
    key = jax.random.fold_in(state.key, jnp.uint32(2**32 - 2))
    score = over_population(partial(_express_and_score, episodes=config.champion_episodes))
    scores = score(individuals_at(state.genomes, best), task, weights, key)
    scores = jnp.where(jnp.isfinite(scores), scores, -LARGEST)  # less than those of all generations
    return Candidate(_individual(state.genomes, best[scores.argmax()]), scores.max())


@partial(jax.jit, static_argnames=("objectives", "devices"), donate_argnames="state")
def run_generations(
    config: SearchConfig,
    state: SearchState,
    task: Task,
    count: Int[Array, ""],
    objectives: Objectives | None = None,
    devices: Devices | None = None,
) -> tuple[SearchState, GenerationMetrics]:
    """Up to `count` generations in one program; metrics [MAX_GENERATIONS_PER_DISPATCH], the first rows filled.

    On `devices`, or on all that JAX has.

    Stops early where another generation might overfill a table, so that growth depends on the state alone and not on
    how a run is cut into dispatches. One compile for each spec (bucket): the count and the rates are traced.
    """
    with on_devices(devices):
        shapes = jax.eval_shape(lambda: run_generation(config, state, task, objectives)[1])
    history = jax.tree.map(lambda leaf: jnp.zeros((MAX_GENERATIONS_PER_DISPATCH, *leaf.shape), leaf.dtype), shapes)

    def unfinished(carry):
        index, state, _ = carry
        fits = has_room(state.genomes, config.max_changes)
        return (index < jnp.minimum(count, MAX_GENERATIONS_PER_DISPATCH)) & fits

    def advance(carry):
        index, state, history = carry
        state = lax.with_sharding_constraint(state, homes_of(state))
        state, metrics = run_generation(config, state, task, objectives)
        return index + 1, state, jax.tree.map(lambda rows, row: rows.at[index].set(row), history, metrics)

    with on_devices(devices):
        _, state, history = lax.while_loop(unfinished, advance, (0, state, history))
        return lax.with_sharding_constraint((state, history), (homes_of(state), replicated()))


def homes_of(state: SearchState) -> Any:
    """Where each array of a state lives between generations: a tree like the state."""
    homes = {"genomes": home_of(state.genomes)}
    return jax.tree_util.tree_map_with_path(lambda path, leaf: homes.get(path[0].name, replicated()), state)


def _generation_key(state: SearchState, use: int) -> Key[Array, ""]:
    """The key of one use in this generation; see where it is called."""
    return jax.random.fold_in(jax.random.fold_in(state.key, state.generation), use)


def _express_and_evaluate(
    genomes: Genome, task: Any, weights: Array, key: Array, *, episodes: int, extras: frozenset[str]
) -> Evaluation:
    networks, size = jax.vmap(express)(genomes), genomes.num_nodes.shape[0]
    evaluation = (task.evaluate_cases if "cases" in extras else task.evaluate)(networks, weights, key, episodes)
    is_one = isinstance(evaluation, Evaluation)
    require(is_one, f"what task {task.name!r} evaluates to", "an Evaluation", type(evaluation).__name__)
    _check_shape(f"returns of task {task.name!r}", evaluation.returns, "networks x weights", size, weights.shape[0])
    _check_shape(f"work of task {task.name!r}", evaluation.work, "networks", size)
    if "tuned" in extras:
        best = weights[evaluation.returns.argmax(-1)]
        tuned, work = task.tuned_returns(networks, best, jax.random.fold_in(key, 1))
        evaluation = evaluation._replace(tuned=tuned, work=evaluation.work + work)
    return evaluation


def _express_and_score(genomes: Genome, task: Task, weights: Array, key: Array, *, episodes: int) -> Float[Array, "P"]:
    networks = jax.vmap(express)(genomes)
    scores, size = task.score(networks, weights, key, episodes, "validation"), genomes.num_nodes.shape[0]
    _check_shape(f"scores of task {task.name!r}", scores, "networks x weights x episodes", size, weights.shape[0], None)
    return scores.mean((1, 2))


def _check_shape(field: str, found: Any, axes: str, *sizes: int | None) -> None:
    """While a program is traced: raises ConfigError unless `found` is an array with these axes; None: of any size."""
    shape = getattr(found, "shape", None)
    fits = shape is not None and len(shape) == len(sizes)
    fits = fits and all(wanted in (None, size) for size, wanted in zip(shape or (), sizes, strict=True))
    wanted = ", ".join("any" if size is None else str(size) for size in sizes)
    require(fits, field, f"an array of {axes}, [{wanted}]", type(found).__name__ if shape is None else [*shape])
    require(not jnp.iscomplexobj(found), field, "real numbers", str(found.dtype))


def _individual(genomes: Genome, index: Int[Array, ""]) -> Genome:
    return jax.tree.map(lambda table: table[0], individuals_at(genomes, index[None]))
