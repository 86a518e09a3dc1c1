"""What all commands share: options of tasks, lists of numbers, the parser's complaints in one line.

In: arguments. Out: a command's dataclass, or one ConfigError.
"""

import contextlib
import dataclasses
import io
import itertools
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import tyro

from wann_jax.errors import ConfigError
from wann_jax.evolution.config import check_weights
from wann_jax.tasks.registry import registered


@cache
def with_task_options(command: type) -> Any:
    """The command's class with a field `task_options` too: the options of all tasks, each None until it is given."""
    fields: dict[str, tuple[Any, dict[str, list[str]]]] = {}  # by option: its type, and by help whose it is
    for spec in registered():
        hints = get_type_hints(spec.options)
        for name, field in spec.option_fields.items():
            owners = fields.setdefault(name, (hints[name] | None, {}))[1].setdefault(field.metadata["help"], [])
            owners += [spec.name] if spec.is_listed else []
    options: Any = dataclasses.make_dataclass(
        "TaskOptions",
        [
            (name, Annotated[kind, tyro.conf.arg(help=_words(owners))], dataclasses.field(default=None))
            for name, (kind, owners) in fields.items()
        ],
        frozen=True,
    )
    kind: Any = Annotated[options, tyro.conf.OmitArgPrefixes]
    more = ("task_options", kind, dataclasses.field(default_factory=options))
    made = dataclasses.make_dataclass(command.__name__, [more], bases=(command,), frozen=True)
    made.__doc__ = command.__doc__
    return made


def _words(owners: dict[str, list[str]]) -> str:
    return "; ".join(f"{text} ({', '.join(names)})" for text, names in owners.items() if names)


def given(options: Any) -> dict[str, Any]:
    """The options of tasks that were set."""
    return {name: value for name, value in vars(options).items() if value is not None}


OPTION_TYPES = tyro.constructors.ConstructorRegistry()


@OPTION_TYPES.primitive_rule
def _comma_separated(
    info: tyro.constructors.PrimitiveTypeInfo,
) -> tyro.constructors.PrimitiveConstructorSpec[Any] | None:
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


@OPTION_TYPES.primitive_rule
def _comma_separated_words(
    info: tyro.constructors.PrimitiveTypeInfo,
) -> tyro.constructors.PrimitiveConstructorSpec[Any] | None:
    """So are lists of words."""
    if (get_origin(info.type), get_args(info.type)) != (tuple, (str, ...)):
        return None
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="WORD,WORD,...",
        instance_from_str=lambda args: tuple(word.strip() for word in args[0].split(",") if word.strip()),
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: [",".join(value)],
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
    for index, arg in enumerate(args):  # as for the parser, the last one counts
        if arg == option and index + 1 < len(args):
            default = args[index + 1]
        if arg.startswith(option + "="):
            default = arg.partition("=")[2]
    return default
