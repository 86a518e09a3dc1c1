"""Tuning: from one shared weight to a weight of its own for every connection.

In: a task and one network. Out: weights [C], chosen by held-out scores, and the curve. Every method is the same three
functions (`Method`), driven by one loop that keeps the best snapshot.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float

from wann_jax.devices import replicated
from wann_jax.errors import require
from wann_jax.evolution.progress import StepProgress
from wann_jax.networks.layered import Topology
from wann_jax.networks.network import Network
from wann_jax.showing import html_of
from wann_jax.strictness import in_32_bits
from wann_jax.tasks.base import Task, check_fits
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.tasks.demonstrations import require_expert
from wann_jax.tasks.tunable import TunableTask, tunable
from wann_jax.tuning.config import METHODS, SCHEDULES, TuneConfig
from wann_jax.tuning.evolution import CovarianceAdaptation, EvolutionStrategy
from wann_jax.tuning.gradient import GradientDescent
from wann_jax.tuning.imitation import Imitation

__all__ = ["METHODS", "SCHEDULES", "TuneConfig", "TuneResult", "tune", "tune_topology"]


@runtime_checkable
class Method(Protocol):
    """A way to tune: K runs side by side, the first axis of every part of a state."""

    def init(self, key: Array, start: Float[Array, "C"]) -> Any:
        """The state before the first step. Consumes `key`."""
        ...

    def step(self, task: TunableTask, key: Array, state: Any) -> Any:
        """One update. Consumes `key`."""
        ...

    def weights(self, state: Any) -> Float[Array, "K C"]:
        """What the runs have come to."""
        ...

    @property
    def uses_all_devices(self) -> bool:
        """Whether a step is spread over every device; it runs on the first one otherwise."""
        ...

    @property
    def first_snapshot(self) -> int:
        """Steps before which no weights are kept."""
        ...

    @property
    def work_per_step(self) -> float:
        """Network passes or episodes."""
        ...


class TuneResult(NamedTuple):
    """Tuned weights, and how they came about."""

    weights: np.ndarray  # [C]; 0 for connections that were pruned
    score: float  # held out, before the refit if there was one
    start_score: float  # of the starting weights
    curve: list[dict[str, float]]  # step, work (passes or episodes), score of the best run, best score so far
    stopped: str  # why tuning ended before its last step; empty if it did not

    def _repr_html_(self) -> str:
        """For a notebook."""
        return html_of(self)


_METHODS: dict[str, Callable[..., Any]] = dict(
    zip(METHODS, (GradientDescent, EvolutionStrategy, CovarianceAdaptation, Imitation), strict=True)
)


@in_32_bits
def tune(
    task: TunableTask,
    network: Network,
    start: float | np.ndarray,
    method: str = "adam",
    config: TuneConfig | None = None,
    seed: int = 0,
    on_look: Callable[[dict[str, float]], None] = lambda look: None,
    progress: bool = False,
    is_over: Callable[[], bool] = lambda: False,
) -> TuneResult:
    """Tunes the weights of a network: a weight of its own for every connection.

    The best snapshot by the held-out score (validation split, or episodes of their own) is kept. Weights that stop
    being finite end tuning early; `stopped` says so.

    Args:
        task: what the network is for.
        network: one compiled network.
        start: a shared weight, or weights [C], one for each enabled connection.
        method: "adam" (gradient descent by any optimiser of optax), "es", "cma", or "imitation" (of the task's expert,
            where it has one: car racing).
        config: the settings; by default `TuneConfig.for_task` of the kind of task and the method.
        seed: same seed, same result.
        on_look: called at every look at the held-out score.
        progress: whether to show how far it is: a bar on a terminal, elsewhere a line every ten seconds.
        is_over: asked after every look; True ends tuning, with the best weights so far.

    Returns:
        The weights [C], their held-out score and that of the start, and the curve of looks.

    Raises:
        ConfigError: if the network, the start, the method or a setting does not fit.
    """
    check_fits(task, network)
    config = config or TuneConfig.for_task(task.score_name == "accuracy", method)
    looks = -(-config.steps // config.validation_interval)
    with StepProgress(method, looks, is_on=progress) as shown:

        def look(entry: dict[str, Any]) -> None:
            shown.advance(f"step {entry['step']:g}  best {entry['best']:.4g}")
            on_look(entry)

        return tune_topology(task, Topology.of(network), start, method, config, seed, look, is_over)


@in_32_bits
def tune_topology(
    task: TunableTask,
    topology: Topology,
    start: float | np.ndarray,
    method: str = "adam",
    config: TuneConfig | None = None,
    seed: int = 0,
    on_look: Callable[[dict[str, float]], None] = lambda look: None,
    is_over: Callable[[], bool] = lambda: False,
) -> TuneResult:
    """As `tune`, for any topology that fits the task."""
    task = ready_for(task, method)
    known = isinstance(task, ClassificationTask) or not (config and config.refit)
    require(known, "tune.refit", "off: only classification has validation images", True)
    classification = task.score_name == "accuracy"
    config = config or TuneConfig.for_task(classification, method)
    config.check()
    config.check_used(classification, method)
    begin = np.broadcast_to(np.asarray(start, np.float32), (topology.num_connections,))
    require(bool(np.isfinite(begin).all()), "start", "finite weights", start)
    chosen = _METHODS[method](task, topology, config)
    return _run(chosen, task, topology, jnp.asarray(begin), config, seed, on_look, is_over)


def ready_for(task: Task, method: str) -> TunableTask:
    """The task as the method needs it. Raises ConfigError if there is no such method, or it is none for the task."""
    require(method in METHODS, "method", f"one of {', '.join(METHODS)}", method)
    if method == "imitation":
        require_expert(task, "method", "adam, es or cma", method)
    return tunable(task).differentiable() if method == "adam" else tunable(task)


def _run(
    method: Method,
    task: TunableTask,
    topology: Topology,
    start: Float[Array, "C"],
    config: TuneConfig,
    seed: int,
    on_look: Callable[[dict[str, float]], None],
    is_over: Callable[[], bool],
) -> TuneResult:
    init_key, step_key, look_key = jax.random.split(jax.random.key(seed), 3)

    @jax.jit
    def advance(task, state, first, last):
        def one(index, state):
            return method.step(task, jax.random.fold_in(step_key, index), state)

        return lax.fori_loop(first, last, one, state)

    @jax.jit
    def look(task, weights):
        key = jax.random.fold_in(look_key, 0)  # the same at every look
        scores = task.score_weights(topology, weights[:, None], key, config.validation_episodes, "validation")
        return scores.mean(-1)

    home = replicated() if method.uses_all_devices else jax.local_devices()[0]
    task, begin = jax.device_put((task, method.init(init_key, start)), home)
    state, best_run, best_step = begin, 0, 0
    best, best_score = np.asarray(start), float(look(task, start[None])[0])
    curve = [{"step": 0, "work": 0.0, "score": best_score, "best": best_score}]
    start_score, stopped, done, is_cut = best_score, "", 0, False
    while done < config.steps and not stopped:
        last = min(done + config.validation_interval, config.steps)
        state = advance(task, state, jnp.int32(done), jnp.int32(last))
        done = last
        weights = np.asarray(method.weights(state))
        scores = np.asarray(look(task, jnp.asarray(weights)))
        sound = np.isfinite(weights).all(-1) & np.isfinite(scores)
        if not sound.any():
            stopped = f"weights were not finite after step {done}; kept those of the best score before"
            break
        scores = np.where(sound, scores, -np.inf)
        first = best_step < method.first_snapshot  # whatever it scores: the start was not pruned
        if done >= method.first_snapshot and (first or scores.max() > best_score):
            best_run, best_step = int(scores.argmax()), done
            best, best_score = weights[best_run], float(scores.max())
        entry = {"step": done, "work": done * method.work_per_step, "score": float(scores.max()), "best": best_score}
        curve.append(entry)
        on_look(entry)
        is_cut = done < config.steps and is_over()
        if is_cut:
            stopped = f"interrupted after step {done} of {config.steps}" + ", before the refit" * config.refit
    if config.refit and isinstance(task, ClassificationTask) and not is_cut:
        chosen = jax.tree.map(lambda leaf: leaf[best_run : best_run + 1], begin)
        state = advance(task.with_all_images(), chosen, jnp.int32(0), jnp.int32(best_step))
        best = np.asarray(method.weights(state))[0]
    return TuneResult(best, best_score, start_score, curve, stopped)
