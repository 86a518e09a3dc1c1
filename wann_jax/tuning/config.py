"""Settings of tuning, checked.

In: names and numbers from a user. Out: a `TuneConfig`.
"""

import dataclasses
from functools import cache
from typing import Any

import jax.numpy as jnp
import optax

from wann_jax.errors import require
from wann_jax.evolution.config import check_weights
from wann_jax.strictness import LARGEST, loose_types

METHODS = ("adam", "es", "cma", "imitation")
SCHEDULES = ("constant", "cosine", "linear")
OPTIMISERS = (  # of optax, that take a learning rate alone; there may be more
    *("adabelief", "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamaxw", "adamw", "adan", "amsgrad"),
    *("fromage", "lamb", "lars", "lion", "nadam", "nadamw", "novograd", "optimistic_gradient_descent"),
    *("radam", "rmsprop", "sgd", "sign_sgd", "yogi"),
)
# Settings that do nothing, by method and by whether the task is classification.
_UNUSED_BY_METHOD: dict[str, tuple[str, ...]] = {
    "adam": ("population_size", "deviation"),
    "es": ("shared_starts", "input_noise", "horizon", "fan_in_scaling"),
}
_UNUSED_BY_METHOD["cma"] = (*_UNUSED_BY_METHOD["es"], "learning_rates", "optimizer", "schedule", "clip_norm")
_UNUSED_BY_METHOD["imitation"] = (
    *("population_size", "deviation", "shared_starts", "input_noise", "horizon", "fan_in_scaling"),
    *("restarts", "start_deviation"),
)
_PRUNES = "0, for all: only adam prunes"
_UNUSED_BY_KIND = {True: ("episodes", "validation_episodes", "horizon"), False: ("minibatch_size", "input_noise")}


@dataclasses.dataclass(frozen=True)
class TuneConfig:
    """How weights are tuned. A task's own defaults come from `TuneConfig.for_task`."""

    steps: int = 2000  # updates; of imitation, rounds of new episodes
    validation_interval: int = 100  # steps between looks at the held-out score, by which the best snapshot is kept
    learning_rates: tuple[float, ...] = (0.01,)  # gradient descent runs once for each, at the same time
    restarts: int = 1  # runs at the same time (adam: for each rate); all but the first start from disturbed weights
    start_deviation: float = 0.2  # of that disturbance
    shared_starts: tuple[
        float, ...
    ] = ()  # shared weights that gradient descent starts from too, beside the given start
    optimizer: str = "adam"  # the name of any optimiser of optax that takes a learning rate alone
    schedule: str = "cosine"  # constant, cosine or linear (both down to 0)
    minibatch_size: int = 256  # images (classification)
    input_noise: float = 0.0  # deviation of noise on training images: against overfitting (classification)
    refit: bool = False  # after the choice, the chosen run again on training and validation images (classification)
    connections: int = 0  # that gradient descent leaves, the others are pruned on the way; 0: all
    episodes: int = 8  # episodes for each gradient or candidate (control)
    validation_episodes: int = 128  # held out, the same at every look (control)
    horizon: int = 100  # steps that a gradient through the simulator reaches back (control)
    clip_norm: float = 1.0  # of the gradient; 0: no clipping
    fan_in_scaling: bool = True  # steps in proportion to 1 / sqrt(connections into the target)
    population_size: int = 128  # candidates for each update (es, cma)
    deviation: float = 0.1  # of the candidates around the mean (es; where cma begins)

    @classmethod
    def for_task(cls, classification: bool, method: str, **changes: Any) -> "TuneConfig":
        """Defaults that suit the kind of task and the method. Raises ConfigError for bad values."""
        require(method in METHODS, "method", f"one of {', '.join(METHODS)}", method)
        defaults: dict[str, Any] = {}
        if classification and method == "adam":
            # Small weights keep sines and Gaussians smooth: descent from there often ends higher than from the best.
            defaults = dict(steps=6000, validation_interval=500, learning_rates=(0.01, 0.03), clip_norm=0.0)
            defaults |= dict(shared_starts=(-0.5, 0.5), input_noise=0.1)
        elif method == "adam":
            defaults = dict(steps=1000, validation_interval=50, learning_rates=(0.003, 0.01, 0.03, 0.1))
        elif method == "es":
            defaults = dict(steps=600, validation_interval=20, learning_rates=(0.03,))
        elif method == "imitation":
            defaults = dict(steps=12, validation_interval=1, episodes=64, validation_episodes=64)
        else:
            defaults = dict(steps=600, validation_interval=20)
        known = {field.name for field in dataclasses.fields(cls)}
        for name in changes:
            require(name in known, "setting", f"one of {', '.join(sorted(known))}", name)
        config = cls(**(defaults | changes))
        config.check()
        config._check_used(cls(**defaults), classification, method)
        return config

    def check(self) -> None:
        """Raises ConfigError on the first setting that breaks a rule."""
        counts = ("steps", "validation_interval", "restarts", "minibatch_size", "episodes", "validation_episodes")
        for name, least in (*((name, 1) for name in (*counts, "horizon", "population_size")), ("connections", 0)):
            value = getattr(self, name)
            fits = isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**31
            require(fits, f"tune.{name}", f"a whole number, at least {least}", value)
        require(self.population_size % 2 == 0, "tune.population_size", "even", self.population_size)
        for name in ("start_deviation", "clip_norm", "input_noise"):
            value = getattr(self, name)
            require(_is_number(value) and value >= 0, f"tune.{name}", "finite and at least 0", value)
        fits = _is_number(self.deviation) and self.deviation > 0
        require(fits, "tune.deviation", "finite and above 0", self.deviation)
        rates = self.learning_rates
        fits = isinstance(rates, tuple | list) and len(rates) > 0
        fits = fits and all(_is_number(rate) and rate > 0 for rate in rates)
        require(fits, "tune.learning_rates", "one or more numbers above 0", rates)
        if self.shared_starts != ():
            check_weights("tune.shared_starts", self.shared_starts)
        for name in ("refit", "fan_in_scaling"):
            require(isinstance(getattr(self, name), bool), f"tune.{name}", "True or False", getattr(self, name))
        require(self.schedule in SCHEDULES, "tune.schedule", f"one of {', '.join(SCHEDULES)}", self.schedule)
        fits = isinstance(self.optimizer, str) and _descends(self.optimizer)
        rule = f"an optimiser of optax that takes a learning rate alone, one of {', '.join(OPTIMISERS)}"
        require(fits, "tune.optimizer", rule, self.optimizer)

    def check_used(self, classification: bool, method: str) -> None:
        """Raises ConfigError for a setting that does nothing with such a task or method, unless it is the default."""
        self._check_used(TuneConfig.for_task(classification, method), classification, method)

    def _check_used(self, default: "TuneConfig", classification: bool, method: str) -> None:
        require(self.connections == 0 or method == "adam", "tune.connections", _PRUNES, self.connections)
        who = dict.fromkeys(_UNUSED_BY_KIND[classification], "classification" if classification else "control")
        for name, user in (who | dict.fromkeys(_UNUSED_BY_METHOD[method], method)).items():
            usual = (getattr(default, name), getattr(TuneConfig, name))
            value = getattr(self, name)
            require(value in usual, f"tune.{name}", f"left at {usual[0]!r}: {user} does not use it", value)
        if method in ("es", "imitation"):
            rule = f"one number: {method} runs at one rate"
            require(len(self.learning_rates) == 1, "tune.learning_rates", rule, self.learning_rates)

    def optimiser(self, learning_rate: Any) -> optax.GradientTransformation:
        """The optimiser; `learning_rate` may be traced."""
        shapes = {
            "constant": optax.constant_schedule(1.0),
            "cosine": optax.cosine_decay_schedule(1.0, self.steps),
            "linear": optax.linear_schedule(1.0, 0.0, self.steps),
        }
        shape = shapes[self.schedule]
        chosen = getattr(optax, self.optimizer)(lambda count: learning_rate * shape(count))
        clip = [optax.clip_by_global_norm(self.clip_norm)] if self.clip_norm > 0.0 else []
        return optax.chain(*clip, chosen)


def _is_number(value: Any) -> bool:
    """Whether it is a number that 32 bits hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


@cache
def _descends(name: str) -> bool:
    """Whether optax has an optimiser of that name which makes weights smaller where the gradient is positive.

    Tried, since no list tells what needs more than a gradient and a learning rate.
    """
    ones = jnp.ones(3)
    try:
        with loose_types():
            optimiser = getattr(optax, name)(lambda count: 0.1)
            changes, _ = optimiser.update(ones, optimiser.init(ones), ones)
            return changes.shape == ones.shape and bool((changes < 0.0).all())
    except Exception:  # whatever a function that is no optimiser does with such arguments
        return False
