"""What all commands share: options of tasks, lists of numbers, the parser's complaints in one line.

In: arguments. Out: a command's dataclass, or one ConfigError.
"""

import contextlib
import dataclasses
import io
import itertools
from typing import Any, get_args, get_origin

import tyro

from wann_jax.errors import ConfigError
from wann_jax.evolution.config import check_weights


@dataclasses.dataclass(frozen=True)
class TaskOptions:
    """Options of tasks; those that a task does not have must be left out."""

    data_dir: str | None = None
    """Directory with MNIST's four IDX files."""
    batch_size: int | None = None
    """Classification: images per generation."""
    logit_deviation: float | None = None
    """Classification: standardise outputs to this deviation in the training loss; 0: not at all."""
    max_steps: int | None = None
    """Control: length limit of an episode."""
    encoder: str | None = None
    """Car racing: a file or directory of `wann train-vae`, or the name of an encoder that comes with the package."""
    encode_interval: int | None = None
    """Car racing: steps between looks at the picture."""
    patience: int | None = None
    """Car racing: steps without a new tile of the road after which a car is stopped; 0: never."""

    def given(self) -> dict[str, Any]:
        """The options that were set."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


OPTION_TYPES = tyro.constructors.ConstructorRegistry()


@OPTION_TYPES.primitive_rule
def _comma_separated(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec | None:
    """Lists of numbers are written -2,-1,1 everywhere."""
    if (get_origin(info.type), get_args(info.type)) != (tuple, (float, ...)):  # tuple or typing.Tuple
        return None
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="W,W,...",
        instance_from_str=lambda args: _numbers(args[0]),
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: [",".join(f"{weight:g}" for weight in value)],
    )


def _numbers(text: str) -> tuple[float, ...]:
    return check_weights("weights", [part.strip() for part in text.split(",")]) if text.strip() else ()


def parse(command: Any, name: str, args: list[str], **defaults: Any) -> Any:
    """tyro's parser; whatever it has to complain of becomes one ConfigError."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(command, registry=OPTION_TYPES, prog=f"wann {name}", args=args, **defaults)
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise ConfigError(f"{_first_words(complaint.getvalue())}; wann {name} --help tells the options") from None


def _first_words(box: str) -> str:
    """What stands in a box of tyro's between title and next rule, whether drawn in Unicode or in ASCII."""
    lines = [line.strip("\u2502 ") for line in box.splitlines()[1:]]
    body = itertools.dropwhile(_is_rule, lines)
    return " ".join(" ".join(itertools.takewhile(lambda line: not _is_rule(line), body)).split())


def _is_rule(line: str) -> bool:
    return not line.strip("-\u2500")


def value_of(args: list[str], option: str, default: str) -> str:
    """Value of an option on which the defaults of others depend, before they are parsed."""
    for index, arg in enumerate(args):
        if arg == option and index + 1 < len(args):
            return args[index + 1]
        if arg.startswith(option + "="):
            return arg.partition("=")[2]
    return default
