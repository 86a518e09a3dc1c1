"""Why does an ensemble of one topology under several shared weights help?

Members vote. Arms: one network under several shared weights, six of each kind; the same network at its best weight,
six times, on inputs with noise; several networks, each at its best weight; and, as a null, an exactly weight agnostic
network under several weights, whose members cannot disagree. What an ensemble gains is measured twice, over its average
member and over the one weight (or network) that is best on the validation images. Figures are those of the test images.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from wann_jax.analysis.experiments.base import Experiment, Record, Results, Setting
from wann_jax.analysis.experiments.random_weights import shuffled
from wann_jax.analysis.experiments.searching import GENERATIONS, evolved
from wann_jax.analysis.experiments.statistics import differences, holm, summary
from wann_jax.analysis.experiments.voting import figures, mcnemar
from wann_jax.analysis.protocol import NOISE_LEVELS, best_shared_weight, disagreement, outputs_under
from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.genomes.genome import Genome
from wann_jax.kernels.losses import classes_of
from wann_jax.networks.compiling import express
from wann_jax.networks.files import load_genome
from wann_jax.networks.network import Network
from wann_jax.report.plots import empty_figure
from wann_jax.tasks.registry import make_task

PUBLISHED, POSITIVE, NEAR = "published weights", "weights of one sign", "weights near the best"
NOISE, NETWORKS, NULL = "one weight, noise on inputs", "several networks", "exactly weight agnostic"
SHARES = (0.7, 0.8, 0.9, 1.1, 1.2, 1.3)  # of the best weight: those near it
MOST_SHOWN = 0.5  # disagreement, in the picture
MOST_NETWORKS = 6  # in an ensemble, as of weights


def run(record: Record, setting: Setting) -> Results:
    """For each network, figures of its ensembles by arm; of the ensemble of networks; of the null."""
    task: Any = make_task(setting.task)
    grid_step = 0.5 if setting.is_quick else 0.02

    def network_of(seed: int) -> Genome:
        genome = evolved(setting.task, seed, 0 if setting.is_quick else GENERATIONS)
        return shuffled(genome, seed) if setting.is_quick and seed else genome

    def of_one(genome: Genome) -> dict[str, Any]:
        network = jax.jit(express)(genome)
        best = best_shared_weight(task, network, grid_step)
        return {"best": best, **_ensembles(task, network, best)}

    def of_networks() -> dict[str, Any]:
        outputs: dict[str, list[np.ndarray]] = {"validation": [], "test": []}
        for seed in range(max(2, min(setting.seeds, MOST_NETWORKS))):
            network = jax.jit(express)(network_of(seed))
            best = (best_shared_weight(task, network, grid_step),)
            for split, found in outputs.items():
                found.append(outputs_under(task, network, best, split, 0.0, 0)[0])
        right = classes_of(jnp.asarray(outputs["validation"])) == task.labels["validation"][None]
        single = outputs["test"][int(np.asarray(right).mean(-1).argmax())]
        return figures(np.stack(outputs["test"]), single, np.asarray(task.labels["test"]))

    return {
        "networks": [
            record.measured(f"network {seed}", lambda: of_one(network_of(seed)))  # noqa: B023 (called at once)
            for seed in range(setting.seeds)
        ],
        NETWORKS: record.measured(NETWORKS, of_networks),
        NULL: record.measured(NULL, lambda: of_one(load_genome(f"{setting.task}-exact")))[PUBLISHED],
    }


def _ensembles(task: Any, network: Network, best: float) -> dict[str, Any]:
    """Figures of the ensembles of one network, by arm; of noise, by level, and which level matches."""
    labels = np.asarray(task.labels["test"])
    of = partial(outputs_under, task, network)
    single = of((best,), "test", 0.0, 0)[0]
    sign = np.sign(best) or 1.0
    weights = {
        PUBLISHED: PUBLISHED_WEIGHTS,
        POSITIVE: tuple(float(sign * weight) for weight in np.linspace(1 / 3, 2, len(PUBLISHED_WEIGHTS))),
        NEAR: tuple(best * share for share in SHARES),
    }
    found: dict[str, Any] = {arm: figures(of(each, "test", 0.0, 0), single, labels) for arm, each in weights.items()}
    copies = (best,) * len(PUBLISHED_WEIGHTS)
    found[NOISE] = {f"{level:g}": figures(of(copies, "test", level, 1), single, labels) for level in NOISE_LEVELS[1:]}
    wanted = disagreement(of(PUBLISHED_WEIGHTS, "validation", 0.0, 0))
    levels = {level: disagreement(of(copies, "validation", level, 0)) for level in NOISE_LEVELS[1:]}
    return found | {"matched": f"{min(levels, key=lambda level: abs(levels[level] - wanted)):g}"}


def arms_of(results: Results) -> dict[str, list[dict[str, Any]]]:
    """Figures by arm, one for each network, those of noise at the level that matches; one alone for the last two."""
    by_network = {arm: [each[arm] for each in results["networks"]] for arm in (PUBLISHED, POSITIVE, NEAR)}
    noise = [each[NOISE][each["matched"]] for each in results["networks"]]
    return by_network | {NOISE: noise, NETWORKS: [results[NETWORKS]], NULL: [results[NULL]]}


def draw(results: Results) -> Figure:
    """The gain over the average member, and over the best single one, against disagreement."""
    figure, axes = empty_figure(2)
    noise = [row for each in results["networks"] for row in each[NOISE].values()]
    for axis, over in zip(axes, ("member", "single"), strict=True):
        for marker, (arm, rows) in zip("osv^DX", arms_of(results).items(), strict=True):
            shown = [row for row in (noise if arm == NOISE else rows) if row["disagreement"] < MOST_SHOWN]
            gains = [row["vote"] - row[over] for row in shown]
            axis.plot([row["disagreement"] for row in shown], gains, marker, markersize=5, alpha=0.7, label=arm)
        axis.axhline(0.0, color="#888888", linewidth=0.8)
        name = "average member" if over == "member" else "best single member"
        axis.set(xlabel="share of images on which two members disagree", ylabel=f"gain over the {name}")
    axes[0].legend(frameon=False, fontsize=7)
    return figure


def answer(results: Results) -> str:
    """In words, with the numbers."""
    arms = arms_of(results)
    paired = {arm: rows for arm, rows in arms.items() if arm not in (NETWORKS, NULL)}
    single = [row["single"] for row in arms[PUBLISHED]]
    over_single = differences({arm: [row["vote"] for row in rows] for arm, rows in paired.items()}, single)
    parts = []
    for arm, rows in arms.items():
        over_member = summary([row["vote"] - row["member"] for row in rows])["mean"]
        ps = holm([mcnemar(row) for row in rows])
        sure = f" (p {over_single[arm].p:.2g})" if arm in paired else ""
        gain = np.mean([row["vote"] - row["single"] for row in rows])
        tested = f"McNemar finds a difference in {sum(p < 0.05 for p in ps)} of {len(ps)}"
        parts.append(f"{arm} {over_member:+.3f} and {gain:+.3f}{sure}, {tested}")
    error, ambiguity = (np.mean([row[name] for row in arms[PUBLISHED]]) for name in ("error_of_members", "ambiguity"))
    works = [arm for arm, each in over_single.items() if each.p < 0.05 and each.mean > 0]
    return (
        f"Test accuracy of the best single weight: {np.mean(single):.3f}. What votes gain over the average member and "
        f"over the best one: {'; '.join(parts)}. Squared error of probabilities, published weights: {error:.3f} for "
        f"members, of which {ambiguity:.3f} is ambiguity that averaging takes away. Better than the best weight alone: "
        f"{', '.join(works) or 'no ensemble of one network'}."
    )


EXPERIMENT = Experiment(
    question="Why does an ensemble of one topology under several shared weights help?",
    expected="much over its average member, nothing over the best single weight; noise on inputs does as much; no gain "
    "at all without disagreement",
    not_shown="ensembles that a search was rewarded for; networks of long searches",
    run=run,
    draw=draw,
    answer=answer,
)
