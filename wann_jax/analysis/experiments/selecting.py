"""The ecology's rules as selection in a search: what generations are ranked on, beside simplicity or the best weight.

In: a task, a rule, a seed. Out: accuracies of the champion. Tasks: parity of three and of six bits, all strings of
which the search knows, under the shared weights -1 and 1; and images.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import numpy as np
from flax import struct
from jax import Array
from jaxtyping import Float, Key
from matplotlib.axes import Axes

from wann_jax.analysis.evaluation import evaluate
from wann_jax.analysis.experiments.base import Record, Setting
from wann_jax.analysis.experiments.statistics import differences
from wann_jax.analysis.protocol import best_shared_weight
from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.loop import search
from wann_jax.networks.compiling import express
from wann_jax.networks.network import Network
from wann_jax.tasks.base import Evaluation
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.tasks.datasets import Dataset
from wann_jax.tasks.registry import find_spec, make_task

MEAN, RIGHT = "mean", "mean of right answers"
# Sharing and lexicase are made from right and wrong answers, not from the loss: so is one mean, their control.
RULES = {MEAN: "mean", RIGHT: "mean", "resource sharing": "sharing", "epsilon-lexicase": "lexicase", "rarity": "rarity"}
PARITIES = {"parity of 3 bits": 3, "parity of 6 bits": 6}
GENERATIONS = 150  # of images
# Under one magnitude of the weight: a network that scales with it could not tell odd from even.
OF_PARITY: dict[str, Any] = dict(
    shared_weights=(-1.0, 1.0), weight_jitter=0.0, initial_connection_probability=0.5, generations=500
)

Rows = dict[str, dict[str, list[dict[str, float]]]]  # by task, rule and seed


class RightAnswers(ClassificationTask):
    """A return is the share of right answers."""

    # jaxlib 0.10.2 takes classes of equal fields for one: a compiled program of the other class might run.
    counts_answers: bool = struct.field(pytree_node=False, default=True)

    @classmethod
    def of(cls, task: ClassificationTask) -> "RightAnswers":
        """The same images."""
        return cls(**{field.name: getattr(task, field.name) for field in dataclasses.fields(task)})

    def evaluate(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """Shares over mini-batches. Consumes `key`."""
        found = self.evaluate_cases(networks, shared_weights, key, episodes)
        assert found.cases is not None
        return found._replace(returns=found.cases.mean(-1), cases=None)


def parity_task(bits: int) -> ClassificationTask:
    """All strings of so many bits, and whether an odd number of them is set; the same in every split."""
    inputs = (np.arange(2**bits)[:, None] >> np.arange(bits)[None]) & 1
    splits = ("train", "validation", "test")
    inputs_of, labels_of = (dict.fromkeys(splits, each) for each in (inputs.astype(float), inputs.sum(1) % 2))
    return ClassificationTask.create(f"parity{bits}", Dataset(inputs_of, labels_of, 2), 2**bits, logit_deviation=2.0)


def searched(record: Record, setting: Setting) -> Rows:
    """Accuracies of champions by task, rule and seed."""
    return {
        name: {
            rule: [
                record.measured(f"{name}, {rule}, seed {seed}", partial(_searched, name, rule, seed, setting.task))
                for seed in range(setting.seeds)
            ]
            for rule in RULES
        }
        for name in (*PARITIES, setting.task)
    }


def _searched(name: str, rule: str, seed: int, preset_of: str) -> dict[str, float]:
    """Mean accuracy over the shared weights, and that at the best of all, on the test images."""
    objectives = (RULES[rule], "simplicity-or-best")
    if name in PARITIES:
        task: Any = parity_task(PARITIES[name])
        more = OF_PARITY
    else:
        task = make_task(name, **find_spec(name).preset(name, "best").options)
        more = {"generations": GENERATIONS}
    task = RightAnswers.of(task) if rule == RIGHT else task
    config = SearchConfig.preset(preset_of, "best", objectives=objectives, **more)
    network = jax.jit(express)(search(task, config, seed).champion)
    weights = (*config.shared_weights, best_shared_weight(task, network, 0.1))
    scores = evaluate(task, [network], weights, split="test")[0, :, 0]
    return {"mean": float(scores[:-1].mean()), "best": float(scores[-1])}


def draw_searched(axis: Axes, rows: Rows) -> None:
    """The champions' accuracies by task and rule, a point for each seed."""
    for number, rule in enumerate(RULES):
        for place, by_rule in enumerate(rows.values()):
            found = [row["best"] for row in by_rule.get(rule, [])]
            shown = np.full(len(found), place + 0.16 * number - 0.36) + 0.02 * np.arange(len(found))
            axis.plot(shown, found, "o", markersize=4, color=f"C{number}", label=None if place else rule)
    axis.set(title="the rules in a search", ylabel="champion's accuracy at its best weight")
    axis.set_xticks(range(len(rows)), [*rows])


def answer_of(rows: Rows) -> str:
    """In words, with the numbers."""
    return " ".join(_of_task(name, by_rule) for name, by_rule in rows.items())


def _of_task(name: str, by_rule: dict[str, list[dict[str, float]]]) -> str:
    best = {rule: [row["best"] for row in found] for rule, found in by_rule.items()}
    over_weights = {rule: np.mean([row["mean"] for row in found]) for rule, found in by_rule.items()}
    control = max((rule for rule in (MEAN, RIGHT) if rule in best), key=lambda rule: float(np.mean(best[rule])))
    against = differences({rule: values for rule, values in best.items() if rule != control}, best[control])
    surely = [f"{rule} ({each.mean:+.3f}, p {each.p:.2g})" for rule, each in against.items() if each.p < 0.05]
    found = "; ".join(f"{rule} {np.mean(best[rule]):.3f} ({over_weights[rule]:.3f} over all weights)" for rule in best)
    return (
        f"In a search for {name}, accuracy at the best weight: {found}; surely other than the {control} (p < 0.05, "
        f"Holm): {', '.join(surely) or 'none'}."
    )
