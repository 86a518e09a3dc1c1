"""Settings: published numbers, one-line errors, what recompiles and what does not."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wann_jax.errors import ConfigError
from wann_jax.evolution.config import PUBLISHED_WEIGHTS, SearchConfig

TASKS = ("swingup", "biped", "mnist", "digits", "xor", "classify:x.npz")


@pytest.mark.parametrize(
    ("task", "sizes", "initial", "elite", "simplicity"),
    [
        ("swingup", (192, 1024, 3, 8), 0.5, 0.2, 0.8),
        ("biped", (480, 2048, 4, 16), 0.25, 0.2, 0.8),
        ("mnist", (960, 4096, 1, 32), 0.05, 0.2, 0.8),
    ],
)
def test_paper_presets_are_the_published_settings(task, sizes, initial, elite, simplicity):
    config = SearchConfig.preset(task, "paper")
    assert (config.population_size, config.generations, config.episodes, config.tournament_size) == sizes
    assert config.initial_connection_probability == initial
    assert (config.cull_fraction, config.elite_fraction, config.simplicity_probability) == (0.2, elite, simplicity)
    assert config.shared_weights == (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
    np.testing.assert_allclose(config.mutation_rates, [0.20, 0.25, 0.05, 0.50, 0.0])


def test_the_laptop_preset_keeps_the_originals_sizes():
    config = SearchConfig.preset("swingup", "laptop")
    assert (config.population_size, config.generations, config.tournament_size) == (64, 1024, 4)
    assert (config.elite_fraction, config.episodes) == (0.05, 3)


@pytest.mark.parametrize("task", TASKS)
def test_presets_grow_from_quick_to_paper(task):
    sizes = [SearchConfig.preset(task, name).population_size for name in ("quick", "laptop", "best", "paper")]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3


def test_overrides_win_over_the_preset():
    config = SearchConfig.preset("swingup", "quick", population_size=48, add_node_rate=0.4)
    preset = SearchConfig.preset("swingup", "quick")
    assert config == dataclasses.replace(preset, population_size=48, add_node_rate=0.4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(population_size=0), "search.population_size must be a whole number, at least 1; got 0"),
        (dict(population_size=2.5), "search.population_size must be a whole number, at least 1; got 2.5"),
        (dict(population_size=True), "search.population_size must be a whole number, at least 1; got True"),
        (dict(episodes=0), "search.episodes must be a whole number, at least 1; got 0"),
        (dict(tournament_size=0), "search.tournament_size must be a whole number, at least 1; got 0"),
        (dict(champion_interval=0), "search.champion_interval must be a whole number, at least 1; got 0"),
        (dict(champion_candidates=0), "search.champion_candidates must be a whole number, at least 1; got 0"),
        (dict(champion_episodes=0), "search.champion_episodes must be a whole number, at least 1; got 0"),
        (dict(generations=-1), "search.generations must be a whole number, at least 1; got -1"),
        (dict(generations=2**31), "search.generations must be below 2**31; got 2147483648"),
        (dict(cull_fraction=1.0), "search.cull_fraction must be at least 0 and below 1; got 1.0"),
        (dict(elite_fraction=-0.1), "search.elite_fraction must be at least 0 and below 1; got -0.1"),
        (
            dict(initial_connection_probability=1.5),
            "search.initial_connection_probability must be between 0 and 1; got 1.5",
        ),
        (dict(simplicity_probability=-1), "search.simplicity_probability must be between 0 and 1; got -1"),
        (dict(simplicity_probability="often"), "search.simplicity_probability must be between 0 and 1; got 'often'"),
        (dict(add_connection_rate=-0.1), "search.add_connection_rate must be finite and at least 0; got -0.1"),
        (dict(add_node_rate=float("nan")), "search.add_node_rate must be finite and at least 0; got nan"),
        (dict(add_node_rate=float("inf")), "search.add_node_rate must be finite and at least 0; got inf"),
        (dict(enable_connection_rate=-1), "search.enable_connection_rate must be finite and at least 0; got -1"),
        (dict(change_activation_rate=None), "search.change_activation_rate must be finite and at least 0; got None"),
        (
            dict(add_connection_rate=0, add_node_rate=0, enable_connection_rate=0, change_activation_rate=0),
            "search.*_rate must be above 0 for at least one change; got 0.0",
        ),
        (dict(shared_weights=()), "search.shared_weights must be at least one number; got ()"),
        (
            dict(shared_weights=(1.0, float("inf"))),
            "search.shared_weights must be finite numbers, in 32 bits; got (1.0, inf)",
        ),
        (dict(shared_weights=("a",)), "search.shared_weights must be a list of numbers; got ('a',)"),
        (dict(shared_weights=2.0), "search.shared_weights must be a list of numbers; got 2.0"),
        (
            dict(population_size=64, tournament_size=64),
            "search.tournament_size must be between 1 and the 52 individuals left after culling; got 64",
        ),
        (
            dict(population_size=16, champion_candidates=17),
            "search.champion_candidates must be between 1 and the population size 16; got 17",
        ),
        (dict(islands=0), "search.islands must be a whole number, at least 1; got 0"),
        (dict(islands=5), "search.islands must be a divisor of the population size 192; got 5"),
        (dict(islands=384), "search.islands must be a divisor of the population size 192; got 384"),
        (dict(migration_interval=0), "search.migration_interval must be a whole number, at least 1; got 0"),
        (dict(migrants=-1), "search.migrants must be a whole number, at least 0; got -1"),
        (
            dict(islands=24),
            "search.tournament_size must be between 1 and the 7 individuals of an island left after culling; got 8",
        ),
        (
            dict(islands=12, migrants=15),
            "search.migrants must be at most the 14 individuals of an island that are no elites; got 15",
        ),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(wrong, message):
    with pytest.raises(ConfigError) as error:
        SearchConfig.preset("swingup", "paper", **wrong)
    assert str(error.value) == message


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ConfigError) as error:
        SearchConfig.preset("swingup", "huge")
    assert str(error.value) == "preset must be one of quick, laptop, best, paper; got 'huge'"
    with pytest.raises(ConfigError, match=r"task must be one of .*; got 'swinggup' \(did you mean 'swingup'\?\)$"):
        SearchConfig.preset("swinggup", "quick")
    with pytest.raises(ConfigError) as error:
        SearchConfig.preset("swingup", popsize=3)
    names = ", ".join(sorted(field.name for field in dataclasses.fields(SearchConfig)))
    assert str(error.value) == f"setting must be one of {names}; got 'popsize' (did you mean 'population_size'?)"


def test_edges_of_the_allowed_ranges_are_allowed():
    SearchConfig.preset(
        "swingup",
        population_size=1,
        generations=1,
        tournament_size=1,
        champion_candidates=1,
        cull_fraction=0,
        elite_fraction=0.0,
        simplicity_probability=1,
        add_connection_rate=0,
        shared_weights=[0.7],
    )
    SearchConfig.preset("swingup", islands=12, migrants=14)
    SearchConfig.preset("swingup", islands=1, migrants=1000)  # there is nowhere to go
    SearchConfig.preset("swingup", islands=192, tournament_size=1, migrants=0)


def test_rates_are_traced_and_sizes_are_static():
    traces = []

    @jax.jit
    def use(config):
        traces.append(config.population_size)
        chances = config.initial_connection_probability + config.simplicity_probability
        return config.mutation_rates * config.population_size + chances + jnp.float32(config.generations)

    config = SearchConfig()
    named = [field.name for field in dataclasses.fields(config) if field.name.endswith(("_rate", "_probability"))]
    rates = [name for name in named if name != "crossover_probability"]  # static: it decides what is compiled
    assert len(rates) == 7
    for index, name in enumerate([*rates, "generations"]):
        changed = dataclasses.replace(config, **{name: index + 2 if name == "generations" else 0.01 * (index + 1)})
        expected = np.asarray(changed.mutation_rates) * 192 + sum(
            (changed.initial_connection_probability, changed.simplicity_probability, changed.generations)
        )
        np.testing.assert_allclose(use(changed), expected, rtol=1e-6)
    assert traces == [192]
    use(dataclasses.replace(config, population_size=32))
    use(dataclasses.replace(config, shared_weights=(1.0,)))
    use(dataclasses.replace(config, crossover_probability=0.5))
    assert traces == [192, 32, 192, 192]


def test_published_weights_are_the_default():
    assert SearchConfig().shared_weights is PUBLISHED_WEIGHTS
