"""Does a search find better architectures if it asks how well they can be tuned?

Searches with the same number of passes rank generations on the mean return and, besides, on the paper's simplicity or
best weight; on the return after five steps of Adam, whose weights are thrown away (a step counts as three passes); or
on a random number, as a control. Measured are the champions' accuracies on the test images.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from matplotlib.figure import Figure

from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.champions import MEASURES, measure_champions
from wann_jax.analysis.experiments.statistics import differences, summary
from wann_jax.evolution.config import PAPER_OBJECTIVES, SearchConfig
from wann_jax.genomes.genome import Genome
from wann_jax.report.plots import empty_figure
from wann_jax.tasks.base import Evaluation
from wann_jax.tasks.classification import TUNING_BATCH, TUNING_STEPS
from wann_jax.tasks.registry import find_spec, make_task

PASSES = 0.2e9  # of a search
PAPER, TUNED, CHANCE = "the paper's", "tunability", "chance"
ARMS = {PAPER: PAPER_OBJECTIVES, TUNED: ("mean", "tunability"), CHANCE: PAPER_OBJECTIVES}


def by_chance(key: Array, config: SearchConfig, evaluation: Evaluation, genomes: Genome) -> Array:
    """The mean return, and a number drawn for each individual. Consumes `key`."""
    means = evaluation.returns.mean(-1)
    return jnp.stack([means, jax.random.uniform(key, means.shape)], axis=-1)


def generations_for(task: str, is_tuned: bool) -> int:
    """So many that a search makes PASSES passes."""
    preset = find_spec(task).preset(task, "best")
    config = SearchConfig.preset(task, "best")
    made: Any = make_task(task, **preset.options)
    samples = min(config.episodes * made.batch_size, made.labels["train"].shape[0])
    more = (3 * TUNING_STEPS + 1) * TUNING_BATCH if is_tuned else 0
    return int(PASSES / (config.population_size * (len(config.shared_weights) * samples + more)))


def run(record: Record, setting: Setting) -> Results:
    """Figures of every champion, and differences from the paper's."""
    arms = {
        name: {"objectives": names, "generations": generations_for(setting.task, name == TUNED)}
        for name, names in ARMS.items()
        if name != CHANCE or not setting.is_quick
    }
    found = measure_champions(record, setting, arms, 0, {CHANCE: by_chance})
    others = [name for name in arms if name != PAPER]
    return {
        "seeds": setting.seeds,
        "champions": found,
        "differences": {
            each: {
                name: difference._asdict()
                for name, difference in differences(
                    {name: found[name][each] for name in others}, found[PAPER][each]
                ).items()
            }
            for each in MEASURES
        },
    }


def draw(results: Results) -> Figure:
    """Accuracy with trained weights against that under a shared one: a cloud for each arm."""
    figure, axes = empty_figure(2)
    for axis, shared in zip(axes, ("random", "best"), strict=True):
        for arm, row in results["champions"].items():
            (points,) = axis.plot(row[shared], row["tuned"], "o", markersize=5, alpha=0.8, label=arm)
            axis.plot(np.mean(row[shared]), np.mean(row["tuned"]), "+", markersize=16, color=points.get_color())
        axis.set(xlabel=f"test accuracy under {MEASURES[shared]}", ylabel="with trained weights")
    axes[0].legend(frameon=False)
    return figure


def answer(results: Results) -> str:
    """In words, with the numbers."""
    champions = results["champions"]

    def told(arm: str) -> str:
        means = {name: summary(champions[arm][name])["mean"] for name in (*MEASURES, "connections")}
        scores = f"{means['random']:.3f}, {means['best']:.3f} and {means['tuned']:.3f}"
        return f"{arm} {scores} ({means['connections']:.0f} connections)"

    rows = results["differences"]
    tuned = {each: rows[each][TUNED] for each in MEASURES}
    differ = ", ".join(
        f"{tuned[each]['mean']:+.3f} (p {tuned[each]['p']:.3f}) {'with' if each == 'tuned' else 'under'} {label}"
        for each, label in MEASURES.items()
    )
    return (
        "Accuracy under a random shared weight, the best one and with trained weights, by second objective: "
        f"{'; '.join(told(arm) for arm in champions)}. Tunability against the paper's, over {results['seeds']} seeds: "
        f"{differ}."
    )


EXPERIMENT = Experiment(
    question="Does a search find better architectures if it asks how well they can be tuned?",
    expected="half a point to one and a half more with trained weights at equal size, slightly less under a shared one",
    not_shown="nothing of inherited weights (genomes carry none), of more steps of tuning, or of longer searches",
    run=run,
    draw=draw,
    answer=answer,
    least_seeds=1,
)
