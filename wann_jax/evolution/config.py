"""Settings of a search, and the presets: the original's published settings and smaller ones.

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

from wann_jax.errors import ConfigError, require
from wann_jax.genomes.mutation import MUTATIONS
from wann_jax.strictness import LARGEST

PUBLISHED_WEIGHTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
_RATES = {mutation.name: mutation.rate for mutation in MUTATIONS}
PRESET_NAMES = ("quick", "laptop", "best", "paper")


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
    champion_interval: int = 10  # generations between judgements of the champion
    champion_candidates: int = 8  # individuals that are judged
    champion_episodes: int = 32  # held-out episodes for each weight by which they are judged
    initial_connection_probability: float = 0.5  # chance that a connection starts enabled
    simplicity_probability: float = (
        0.8  # share of generations ranked on simplicity beside the mean, not the best weight
    )
    add_connection_rate: float = _RATES["add_connection"]  # how often a child gets a new connection
    add_node_rate: float = _RATES["add_node"]  # how often a connection is split by a new node
    enable_connection_rate: float = _RATES["enable_connection"]  # how often a disabled connection is enabled
    change_activation_rate: float = _RATES["change_activation"]  # how often a hidden node changes its activation
    disable_connection_rate: float = _RATES["disable_connection"]  # how often one is disabled (paper: never)
    max_changes: int = 1  # a child gets from one to this many changes, drawn uniformly (in the paper: one)
    crossover_probability: float = 0.0  # share of children with the genes of two parents (in the paper: none)
    connection_limit: int = 0  # enabled connections with which a network stops growing; 0: no limit

    @classmethod
    def preset(cls, task: str, preset: str = "paper", **overrides: Any) -> "SearchConfig":
        """The settings of a preset for a task, by name. Raises ConfigError for unknown names or bad values."""
        require(preset in PRESET_NAMES, "preset", f"one of {', '.join(PRESET_NAMES)}", preset)
        settings = _PRESETS[_family(task)][preset] | overrides
        known = {field.name for field in dataclasses.fields(cls)}
        for name in settings:
            require(name in known, "setting", f"one of {', '.join(sorted(known))}", name)
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
    def num_breeders(self) -> int:
        """Individuals left after culling; rounded as the original does."""
        return self.population_size - int(self.cull_fraction * self.population_size)

    @property
    def num_elites(self) -> int:
        """Best breeders, kept unchanged; rounded down."""
        return int(self.elite_fraction * self.num_breeders)

    def check(self) -> None:
        """Raises ConfigError on the first setting that breaks a rule. Not for traced values."""
        for name in ("population_size", "generations", "episodes", "tournament_size", "max_changes"):
            _require_int(f"search.{name}", getattr(self, name), 1)
        for name in ("champion_interval", "champion_candidates", "champion_episodes"):
            _require_int(f"search.{name}", getattr(self, name), 1)
        _require_int("search.connection_limit", self.connection_limit, 0)
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
        require(
            self.tournament_size <= self.num_breeders,
            "search.tournament_size",
            f"between 1 and the {self.num_breeders} individuals left after culling",
            self.tournament_size,
        )
        require(
            self.champion_candidates <= self.population_size,
            "search.champion_candidates",
            f"between 1 and the population size {self.population_size}",
            self.champion_candidates,
        )


jax.tree_util.register_dataclass(
    SearchConfig,
    data_fields=[
        "generations",
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
        "champion_interval",
        "champion_candidates",
        "champion_episodes",
        "max_changes",
        "crossover_probability",
        "connection_limit",
    ],
)


def check_weights(field: str, weights: Any) -> tuple[float, ...]:
    """The weights as floats; ConfigError unless they are one or more finite numbers."""
    try:
        values = tuple(float(weight) for weight in weights)
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"{field} must be a list of numbers; got {weights!r}") from None
    require(len(values) > 0, field, "at least one number", weights)
    require(all(abs(value) <= LARGEST for value in values), field, "finite numbers, in 32 bits", weights)
    return values


def _require_int(field: str, value: Any, least: int) -> None:
    ok = isinstance(value, int) and not isinstance(value, bool) and value >= least
    require(ok, field, f"a whole number, at least {least}", value)
    require(value < 2**31, field, "below 2**31", value)


def _require_number(field: str, value: Any, rule: str, holds: Any) -> None:
    require(isinstance(value, (int, float)) and bool(holds(value)), field, rule, value)


def preset_task_options(task: str, preset: str) -> dict[str, Any]:
    """Options of `make_task` that belong to a preset."""
    return _TASK_OPTIONS.get((_family(task), preset), {})


def _family(task: str) -> str:
    kind = task.partition(":")[0]
    if task == "gymnasium:BipedalWalker-v3":
        return "biped"
    return {"digits": "classify", "mnist": "classify"}.get(kind, kind if kind in _PRESETS else "swingup")


# Six equal parts of [-2, 2], a weight somewhere in each: the mean estimates that under random shared weights.
_STRATIFIED: dict[str, Any] = dict(shared_weights=tuple((2 * i - 5) / 3 for i in range(6)), weight_jitter=1 / 3)
_CLASSIFICATION: dict[str, dict[str, Any]] = {
    "quick": dict(
        population_size=64, generations=50, episodes=1, tournament_size=8, initial_connection_probability=0.1
    ),
    "laptop": dict(
        population_size=192, generations=500, episodes=1, tournament_size=16, initial_connection_probability=0.1
    ),
    "best": dict(
        population_size=192,
        generations=20_000,
        episodes=1,
        tournament_size=8,
        initial_connection_probability=0.05,
        simplicity_probability=0.5,
        **_STRATIFIED,
        connection_limit=1849,
        add_connection_rate=0.45,
        add_node_rate=0.30,
        enable_connection_rate=0.05,
        change_activation_rate=0.20,
        disable_connection_rate=0.10,
    ),
    "paper": dict(
        population_size=960, generations=4096, episodes=1, tournament_size=32, initial_connection_probability=0.05
    ),
}
_GROWTH: dict[str, Any] = dict(  # more connections and fewer new activations than in the paper
    add_connection_rate=0.3, add_node_rate=0.3, enable_connection_rate=0.1, change_activation_rate=0.3
)
_BIPED: dict[str, Any] = dict(initial_connection_probability=0.25)
# Judging as often as elsewhere would cost more than the search: frames are dear.
_SPARSE_JUDGING: dict[str, Any] = dict(champion_interval=20, champion_candidates=2, champion_episodes=4)
_PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "swingup": {
        "quick": dict(population_size=32, generations=20, tournament_size=4, elite_fraction=0.05, champion_episodes=8),
        "laptop": dict(
            population_size=64, generations=1024, tournament_size=4, elite_fraction=0.05, weight_jitter=0.25
        ),
        "best": dict(
            population_size=192,
            generations=1024,
            tournament_size=2,
            elite_fraction=0.05,
            simplicity_probability=0.5,
            weight_jitter=0.25,
        ),
        "paper": dict(population_size=192, generations=1024),
    },
    "biped": {
        "quick": dict(population_size=64, generations=20, episodes=1, tournament_size=8, **_BIPED, champion_episodes=8),
        "laptop": dict(
            population_size=384,
            generations=1024,
            episodes=1,
            tournament_size=4,
            elite_fraction=0.05,
            simplicity_probability=0.0,
            **_GROWTH,
            **_BIPED,
            champion_episodes=16,
        ),
        "best": dict(
            population_size=480,
            generations=2048,
            episodes=4,
            tournament_size=8,
            simplicity_probability=0.5,
            weight_jitter=0.25,
            **_BIPED,
        ),
        "paper": dict(population_size=480, generations=2048, episodes=4, tournament_size=16, **_BIPED),
    },
    "carracing": {
        "quick": dict(population_size=16, generations=10, episodes=1, tournament_size=4, **_SPARSE_JUDGING),
        "laptop": dict(
            population_size=64,
            generations=500,
            episodes=1,
            tournament_size=4,
            elite_fraction=0.1,
            simplicity_probability=0.1,
            **_GROWTH,
            **_SPARSE_JUDGING,
        ),
        "best": dict(population_size=192, generations=1024, episodes=2, simplicity_probability=0.5, weight_jitter=0.25),
        "paper": dict(population_size=64, generations=1024, episodes=2),
    },
    "xor": {
        "quick": dict(population_size=64, generations=50, episodes=1),
        "laptop": dict(population_size=128, generations=200, episodes=1),
        "best": dict(population_size=192, generations=500, episodes=1),
        "paper": dict(population_size=192, generations=1024, episodes=1),
    },
    "classify": _CLASSIFICATION,
}
_TASK_OPTIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("classify", "best"): dict(batch_size=2048, logit_deviation=2.0),
    ("carracing", "quick"): dict(max_steps=200, encode_interval=4, patience=50),
    ("carracing", "laptop"): dict(max_steps=500, encode_interval=2, patience=50),
    ("biped", "laptop"): dict(max_steps=400),  # a quarter: who walks that far walks on
}
