"""Settings of a search; what suits a task, by the names of presets, stands in the task's file (tasks/known).

In: names and numbers from a user. Out: a checked `SearchConfig`. Sizes are static (a change recompiles), rates are
traced (a sweep over them does not).
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from wann_jax.errors import ConfigError, brief, require, require_known
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.genomes.genome import GRADED_RULE, is_graded_depth
from wann_jax.genomes.mutation import MUTATIONS
from wann_jax.strictness import LARGEST
from wann_jax.tasks.known.options import MAGNITUDES
from wann_jax.tasks.registry import find_spec

PUBLISHED_WEIGHTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
MOST_CHANGES = 64  # of a child
PAPER_OBJECTIVES = ("mean", "simplicity-or-best")
_OF_ISLANDS = ("islands", "migration_interval")
_RATES = {mutation.name: mutation.rate for mutation in MUTATIONS}


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """What a search does; defaults are the original's.

    The `*_rate` fields are relative: the chances with which a child gets each kind of change.
    """

    population_size: int = 192  # individuals (P)
    generations: int = 1024  # in all
    shared_weights: tuple[float, ...] = PUBLISHED_WEIGHTS  # that every network is evaluated with (W)
    weight_jitter: float = 0.0  # every generation moves each shared weight by at most this much, for all alike
    episodes: int = 3  # episodes, or mini-batches, for each weight (R)
    tournament_size: int = 8  # entrants; the better of two winners becomes a parent
    cull_fraction: float = 0.2  # of the population, the worst: no parents
    elite_fraction: float = 0.2  # of the rest, the best: kept unchanged
    islands: int = 1  # equal parts of the population, each ranked and bred on its own
    migration_interval: int = 20  # generations between exchanges of migrants
    migrants: int = 1  # of each island, the best: copied to the next one
    champion_interval: int = 10  # generations between judgements of the champion
    champion_candidates: int = 8  # individuals that are judged
    champion_episodes: int = 32  # held-out episodes for each weight by which they are judged
    initial_connection_probability: float = 0.5  # chance that a connection starts enabled
    simplicity_probability: float = 0.8  # share of generations ranked on simplicity, instead of the best weight
    add_connection_rate: float = _RATES["add_connection"]  # how often a child gets a new connection
    add_node_rate: float = _RATES["add_node"]  # how often a connection is split by a new node
    enable_connection_rate: float = _RATES["enable_connection"]  # how often a disabled connection is enabled
    change_activation_rate: float = _RATES["change_activation"]  # how often a hidden node changes its activation
    disable_connection_rate: float = _RATES["disable_connection"]  # how often one is disabled (paper: never)
    max_changes: int = 1  # a child gets from one to this many changes, drawn uniformly (in the paper: one)
    crossover_probability: float = 0.0  # share of children with the genes of two parents (in the paper: none)
    connection_limit: int = 0  # enabled connections with which a network stops growing; 0: no limit
    graded_depth: int = 0  # even: search among graded networks, whose outputs have this depth; 0: among all
    activations: tuple[str, ...] = ()  # of hidden nodes, by name, separated by commas; none: those of the task
    objectives: tuple[str, ...] = PAPER_OBJECTIVES
    """What generations are ranked on, any number of: mean, best, worst, worst-third (return over the weights),
    simplicity, simplicity-or-best (drawn for each generation, as in the paper), sharing, lexicase (of each image's or
    episode's result), rarity (of the return), tunability (return after some steps of gradient descent)."""

    @classmethod
    def preset(cls, task: str, preset: str = "paper", **overrides: Any) -> "SearchConfig":
        """The settings of a preset for a task, by name. Raises ConfigError for unknown names or bad values.

        With a `graded_depth` among the overrides, classifiers are evaluated with one shared weight by default.
        """
        graded = graded_settings(task, overrides.get("graded_depth", 0))
        settings = {**find_spec(task).preset(task, preset).search, **graded, **overrides}
        known = sorted(field.name for field in dataclasses.fields(cls))
        for name in settings:
            require_known("setting", name, known)
        config = cls(**settings)
        config.check()
        return config

    @property
    def mutation_rates(self) -> Float[Array, "kinds"]:
        """Relative rates in the order of genomes.mutation.MUTATIONS."""
        rates = [getattr(self, f"{mutation.name}_rate") for mutation in MUTATIONS]
        return jnp.stack([jnp.asarray(rate, jnp.float32) for rate in rates])

    @property
    def marks_per_generation(self) -> int:
        """Historical marks set aside in a generation: one for each change of each child."""
        return self.population_size * self.max_changes

    @property
    def island_size(self) -> int:
        """Individuals of each island; of the population, where it is one island."""
        return self.population_size // self.islands

    @property
    def num_breeders(self) -> int:
        """Individuals of each island left after culling; rounded as the original does."""
        return self.island_size - int(self.cull_fraction * self.island_size)

    @property
    def num_elites(self) -> int:
        """Best breeders of each island, kept unchanged; rounded down."""
        return int(self.elite_fraction * self.num_breeders)

    def check(self) -> None:
        """Raises ConfigError on the first setting that breaks a rule. Not for traced values."""
        from wann_jax.evolution.objectives import check_objectives  # here: it knows these settings

        check_objectives(self)
        for activation in self.activations:
            require_known("search.activations: activation", activation, ACTIVATION_IDS)
        for name in ("population_size", "generations", "episodes", "tournament_size", "max_changes", *_OF_ISLANDS):
            _require_int(f"search.{name}", getattr(self, name), 1)
        _require_int("search.migrants", self.migrants, 0)
        rule = f"at most {MOST_CHANGES}: programs grow with it, and so does the time that they take to compile"
        require(self.max_changes <= MOST_CHANGES, "search.max_changes", rule, self.max_changes)
        for name in ("champion_interval", "champion_candidates", "champion_episodes"):
            _require_int(f"search.{name}", getattr(self, name), 1)
        _require_int("search.connection_limit", self.connection_limit, 0)
        _require_int("search.graded_depth", self.graded_depth, 0)
        require(is_graded_depth(self.graded_depth), "search.graded_depth", GRADED_RULE, self.graded_depth)
        for name in ("cull_fraction", "elite_fraction"):
            _require_number(f"search.{name}", getattr(self, name), "at least 0 and below 1", lambda x: 0 <= x < 1)
        for name in ("initial_connection_probability", "simplicity_probability", "crossover_probability"):
            _require_number(f"search.{name}", getattr(self, name), "between 0 and 1", lambda x: 0 <= x <= 1)
        rate_names = [field.name for field in dataclasses.fields(self) if field.name.endswith("_rate")]
        for name in ("weight_jitter", *rate_names):
            _require_number(f"search.{name}", getattr(self, name), "finite and at least 0", lambda x: 0 <= x < math.inf)
        require(
            any(getattr(self, name) > 0 for name in rate_names), "search.*_rate", "above 0 for at least one change", 0.0
        )
        check_weights("search.shared_weights", self.shared_weights)
        rule = f"a divisor of the population size {self.population_size}"
        require(self.population_size % self.islands == 0, "search.islands", rule, self.islands)
        of_island = " of an island" * (self.islands > 1)
        require(
            self.tournament_size <= self.num_breeders,
            "search.tournament_size",
            f"between 1 and the {self.num_breeders} individuals{of_island} left after culling",
            self.tournament_size,
        )
        require(
            self.champion_candidates <= self.population_size,
            "search.champion_candidates",
            f"between 1 and the population size {self.population_size}",
            self.champion_candidates,
        )
        num_children = self.island_size - self.num_elites
        rule = f"at most the {num_children} individuals of an island that are no elites"
        require(self.islands == 1 or self.migrants <= num_children, "search.migrants", rule, self.migrants)


jax.tree_util.register_dataclass(
    SearchConfig,
    data_fields=[
        "generations",
        "migration_interval",
        "weight_jitter",
        "initial_connection_probability",
        "simplicity_probability",
        "add_connection_rate",
        "add_node_rate",
        "enable_connection_rate",
        "change_activation_rate",
        "disable_connection_rate",
    ],
    meta_fields=[
        "population_size",
        "shared_weights",
        "episodes",
        "tournament_size",
        "cull_fraction",
        "elite_fraction",
        "islands",
        "migrants",
        "champion_interval",
        "champion_candidates",
        "champion_episodes",
        "max_changes",
        "crossover_probability",
        "connection_limit",
        "graded_depth",
        "activations",
        "objectives",
    ],
)


def graded_settings(task: str, graded_depth: int) -> dict[str, Any]:
    """What a search among graded networks sets otherwise: the sign of the weight makes no difference to them, and to a
    classifier nothing of it does; control is tried with magnitudes all over [0, 2]."""
    if not graded_depth:
        return {}
    alone: dict[str, Any] = dict(shared_weights=(1.0,), weight_jitter=0.0)
    return {"graded_depth": graded_depth, **(alone if find_spec(task).family == "classification" else MAGNITUDES)}


def check_weights(field: str, weights: Any) -> tuple[float, ...]:
    """The weights as floats; ConfigError unless they are one or more finite numbers."""
    try:
        values = tuple(float(weight) for weight in weights)
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"{field} must be a list of numbers; got {brief(weights)}") from None
    require(len(values) > 0, field, "at least one number", weights)
    require(all(abs(value) <= LARGEST for value in values), field, "finite numbers, in 32 bits", weights)
    return values


def _require_int(field: str, value: Any, least: int) -> None:
    ok = isinstance(value, int) and not isinstance(value, bool) and value >= least
    require(ok, field, f"a whole number, at least {least}", value)
    require(value < 2**31, field, "below 2**31", value)


def _require_number(field: str, value: Any, rule: str, holds: Any) -> None:
    require(isinstance(value, (int, float)) and bool(holds(value)), field, rule, value)
    require(value <= LARGEST, field, "a number of 32 bits", value)
