"""Tasks by name.

In: a name (`wann tasks` lists them) and options. Out: a task.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import gymnax
import jax
import jax.numpy as jnp

from wann_jax.envs import BIPEDAL_WALKER, CARTPOLE_SWINGUP
from wann_jax.errors import ConfigError, DataError, require
from wann_jax.files import StrPath
from wann_jax.networks.files import load_info
from wann_jax.tasks import datasets, real_car
from wann_jax.tasks.base import Task
from wann_jax.tasks.car_racing import CarRacingTask
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.tasks.control import ControlTask
from wann_jax.tasks.function import FunctionTask
from wann_jax.tasks.gymnasium_task import GymnasiumTask
from wann_jax.vae.files import DEFAULT_NAME, load_encoder, trained_names

_gymnax_make = cache(gymnax.make)  # one object per environment, so that compiled programs are found again


class TaskInfo(NamedTuple):
    """What `wann tasks` says of a task."""

    name: str
    description: str


TASKS = (
    TaskInfo("xor", "exclusive or of two bits; return 1 - mean squared error of the clipped output"),
    TaskInfo("swingup", "cart-pole swing-up, 5 inputs, 1 output, 1000 steps"),
    TaskInfo(
        "biped", "bipedal walker, 24 inputs, 4 outputs, 1600 steps; a fall ends the episode and costs nothing more"
    ),
    TaskInfo("carracing", "car racing from pictures, through an encoder's 16 means, 3 outputs, 1000 steps"),
    TaskInfo("digits", "scikit-learn's 8x8 digits, 64 inputs, 10 classes; nothing to download"),
    TaskInfo("mnist", "MNIST, 16x16 deskewed, 256 inputs, 10 classes; $WANN_MNIST_DIR or --data-dir, else downloaded"),
    TaskInfo("classify:PATH", "your own images: an IDX directory or an .npz file with arrays x and y"),
    TaskInfo("gymnax:NAME", "any gymnax environment with a box observation and a discrete or box action"),
    TaskInfo("gymnasium:NAME", "the same of Gymnasium, in other processes; Box2D's with the extra box2d"),
)

_ENVIRONMENTS = {"swingup": CARTPOLE_SWINGUP, "biped": BIPEDAL_WALKER}


def make_task(
    name: str,
    *,
    data_dir: str | None = None,
    batch_size: int | None = None,
    logit_deviation: float | None = None,
    max_steps: int | None = None,
    encoder: str | None = None,
    encode_interval: int | None = None,
    patience: int | None = None,
) -> Task:
    """The task called `name`.

    `data_dir`: where MNIST's files are. `batch_size`: images per generation (classification; default 1000).
    `logit_deviation`: standardise outputs to it in the training loss (classification; default 0: not at all).
    `max_steps`: length limit of an episode (control). `encoder`: a file or directory of `wann train-vae`, or the name
    of one that comes with the package; `encode_interval`: steps between looks at the picture (default 1); `patience`:
    steps without a new tile of the road after which a car is stopped (default 0: never); all three: carracing, and the
    encoder: gymnasium:CarRacing-v3 too. Raises
    ConfigError for an unknown name, an option that the task does not have, or an environment that is not supported;
    DataError for missing or damaged data.
    """
    kind, _, argument = name.partition(":")
    given: dict[str, Any] = dict(
        data_dir=data_dir, batch_size=batch_size, logit_deviation=logit_deviation, max_steps=max_steps
    )
    given |= dict(encoder=encoder, encode_interval=encode_interval, patience=patience)
    allowed = options_of(name)
    for option, value in given.items():
        fits = value is None or option in allowed
        require(fits, f"task.{option}", f"left out: task {name!r} has no such option", value)
    _check_max_steps(max_steps)
    if name == "xor":
        return FunctionTask(function=_xor_return, num_inputs=2, num_outputs=1, name="xor")
    if name in ("digits", "mnist") or kind == "classify":
        if name == "mnist":
            dataset = datasets.load_mnist(data_dir)
        else:
            dataset = datasets.load_digits() if name == "digits" else datasets.load_path(argument)
        images = 1000 if batch_size is None else batch_size
        return ClassificationTask.create(name, dataset, images, logit_deviation or 0.0)
    if name == "carracing":
        kept = {option: given[option] for option in ("max_steps", "encode_interval", "patience")}
        found = {option: value for option, value in kept.items() if value is not None}
        return CarRacingTask.create(load_encoder(DEFAULT_NAME if encoder is None else encoder), **found)
    if kind != "gymnasium":
        return _control_task(name, _ENVIRONMENTS.get(name, argument), max_steps)
    if argument == real_car.ENV_ID:
        eye = real_car.Eye(load_encoder(DEFAULT_NAME if encoder is None else encoder))
        return GymnasiumTask.create(argument, max_steps, eye, real_car.Controls())
    return GymnasiumTask.create(argument, max_steps)


def options_of(name: str) -> tuple[str, ...]:
    """The options of `make_task` that the task called `name` has. Raises ConfigError for an unknown name."""
    kind, _, argument = name.partition(":")
    if name == "xor":
        return ()
    if name in ("digits", "mnist") or (kind == "classify" and argument):
        return ("batch_size", "logit_deviation", *(["data_dir"] if name == "mnist" else []))
    if name == "carracing":
        return ("max_steps", "encoder", "encode_interval", "patience")
    if name in _ENVIRONMENTS or (kind in ("gymnax", "gymnasium") and argument):
        return ("max_steps", *(["encoder"] if name == f"gymnasium:{real_car.ENV_ID}" else []))
    raise ConfigError(f"task must be one of {', '.join(info.name for info in TASKS)}; got {name!r}")


def task_options_of(path: StrPath, task: str, given: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """The `given` options of `make_task`, and those that a network depends on: the encoder that it evolved with.

    A file may name an encoder of the package only: what it says of paths is a stranger's. Raises DataError for a bad
    file, ConfigError for an unknown task.
    """
    encoder = load_info(path).get("encoder")
    if not encoder or "encoder" in given or "encoder" not in options_of(task):
        return dict(given)
    names = trained_names()
    rule = f"one of {', '.join(names)}, which come with the package (for another, give --encoder)"
    require(encoder in names, f"{path}: info.encoder", rule, encoder, DataError)
    return {"encoder": encoder, **given}


def _control_task(name: str, env_id: str, max_steps: int | None) -> ControlTask:
    known = gymnax.registered_envs
    require(env_id in known, "gymnax environment", f"one of {', '.join(known)}", env_id)
    try:
        env, params = _gymnax_make(env_id)
    except OSError as error:  # an environment that downloads its data
        raise DataError(f"gymnax environment {env_id} cannot be made: {error}") from None
    if name == "biped":
        params = params.replace(fall_penalty=0.0)  # as in the paper's search
    if max_steps is not None:
        kind = type(params.max_steps_in_episode)  # a float in some environments, which then count on it
        params = params.replace(max_steps_in_episode=kind(max_steps))
    return ControlTask.create(name, env, params)


def _check_max_steps(max_steps: int | None) -> None:
    if max_steps is not None:
        require(max_steps >= 1, "task.max_steps", "at least 1", max_steps)
        require(max_steps < 2**31, "task.max_steps", "below 2**31", max_steps)


def _xor_return(policy, key: jax.Array) -> jax.Array:
    inputs = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    wanted = jnp.array([0.0, 1.0, 1.0, 0.0])
    answers = jnp.clip(policy(inputs)[:, 0], 0.0, 1.0)
    return 1.0 - jnp.square(answers - wanted).mean()
