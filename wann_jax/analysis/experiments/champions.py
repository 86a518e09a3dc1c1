"""What experiments that compare searches share: a search with one setting changed, and how good its champion is.

In: a task of classification by name, settings, a seed. Out: accuracies of the champion, as plain numbers. Everything is
chosen on the validation images; the test images are looked at once.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wann_jax.analysis.evaluation import evaluate
from wann_jax.analysis.experiments.base import Record, Setting
from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.generation import Objectives
from wann_jax.evolution.loop import search
from wann_jax.genomes.graph import num_live_connections
from wann_jax.networks.layered import Topology
from wann_jax.networks.network import Network
from wann_jax.tasks.registry import find_spec, make_task
from wann_jax.tuning.api import TuneConfig, tune

WEIGHTS = tuple(np.linspace(-1.95, 1.95, 40).tolist())  # of [-2, 2], without 0
PRESET = "best"
TUNING_STEPS = 1500  # of Adam
QUICK = dict[str, Any](population_size=16, generations=2, tournament_size=2, champion_candidates=1)
SIZES = {"digits": 573, "mnist": 1849}  # connections at which a network stops growing: those of the zoo
MEASURES = {"random": "a random shared weight", "best": "the best one", "tuned": "trained weights"}


def measure_champions(
    record: Record, setting: Setting, arms: dict[str, dict[str, Any]], generations: int, objectives: Any = None
) -> dict[str, dict[str, list[float]]]:
    """A search for each arm and seed, side by side on all cores; figures by arm and what they measure, one a seed.

    An arm is what differs from the preset; `objectives` has functions, by arm, for arms that need their own.
    """
    jobs = {}
    for arm, chosen in arms.items():
        settings = {"generations": generations, **chosen, **(QUICK if setting.is_quick else {})}
        steps, function = (2 if setting.is_quick else TUNING_STEPS), (objectives or {}).get(arm)
        for seed in range(setting.seeds):
            jobs[f"{arm}, seed {seed}"] = partial(_measure, setting.task, settings, seed, steps, function)
    found = record.measured_all(jobs, is_quick=setting.is_quick)
    return {
        arm: {name: [found[f"{arm}, seed {seed}"][name] for seed in range(setting.seeds)] for name in _COLUMNS}
        for arm in arms
    }


_COLUMNS = (*MEASURES, "connections", "passes")


def _measure(
    task_name: str, settings: dict[str, Any], seed: int, steps: int, objectives: Objectives | None
) -> dict[str, float]:
    options = find_spec(task_name).preset(task_name, PRESET).options
    config = SearchConfig.preset(task_name, PRESET, connection_limit=SIZES.get(task_name, 0), **settings)
    result = search(make_task(task_name, **options), config, seed, objectives=objectives)
    found = accuracies(make_task(task_name), result.network, steps)
    return found | {
        "connections": float(num_live_connections(result.champion)),
        "passes": float(result.history.work.sum()),
    }


def accuracies(task: Any, network: Network, steps: int) -> dict[str, float]:
    """Test accuracies under a random shared weight, under the best one of the grid, and with trained weights."""
    by_weight = partial(_by_weight, task, network)
    best = WEIGHTS[int(by_weight("validation").argmax())]
    test = by_weight("test")
    config = TuneConfig.for_task(True, "adam", steps=steps, validation_interval=max(steps // 10, 1))
    weights = tune(task, network, best, "adam", config).weights
    tuned = task.score_weights(Topology.of(network), jnp.asarray(weights)[None, None], jax.random.key(0), 1, "test")
    return {"random": float(test.mean()), "best": float(test[WEIGHTS.index(best)]), "tuned": float(tuned[0, 0])}


def _by_weight(task: Any, network: Network, split: str, weights: Sequence[float] = WEIGHTS) -> np.ndarray:
    return np.asarray(evaluate(task, [network], list(weights), split=split))[0, :, 0]
