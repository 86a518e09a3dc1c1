"""A function that is a different one on each platform, traced for none but those that its program is lowered for.

`jax.lax.platform_dependent` traces all of its branches, and whole rollouts take seconds to trace. Here the one for
JAX's default platform is traced with the program, and another's only where a program is lowered for that.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax import lax
from jax.core import Tracer
from jax.extend.core import Primitive, jaxpr_as_fun
from jax.interpreters import batching, mlir

PLATFORMS = {"gpu": "cuda"}  # as JAX lowers for them, where it has another name for them


def by_platform(functions: Mapping[str, Callable[..., Any]], *arguments: Any) -> Any:
    """What the function of the platform makes of the arguments: trees of arrays of the same shapes on all.

    Args:
        functions: by platform ("cpu", "cuda", "tpu", ...), and "default" for all others.
        arguments: trees of arrays.

    Returns:
        A tree of arrays.
    """
    leaves, structure = jax.tree.flatten(arguments)
    out_structure: list[Any] = []

    def flat(platform: str) -> Callable[..., list[Any]]:
        def run(*leaves):
            out, tree = jax.tree.flatten(functions[platform](*jax.tree.unflatten(structure, leaves)))
            out_structure[:] = [tree]
            return out

        return run

    here = PLATFORMS.get(jax.default_backend(), jax.default_backend())
    here = here if here in functions else "default"
    traced = jax.make_jaxpr(flat(here))(*leaves)
    rest = {name: flat(name) for name in functions if name != here}
    captures = any(isinstance(const, Tracer) for const in traced.consts)
    if traced.effects or captures:  # calls to the host, or arrays of a trace around this one: to be traced now
        out = lax.platform_dependent(*leaves, **{here: jaxpr_as_fun(traced), **rest})
    else:
        out = _by_platform.bind(*leaves, traced=traced, here=here, rest=tuple(rest.items()))
    return jax.tree.unflatten(out_structure[0], out)


_by_platform = Primitive("by_platform")
_by_platform.multiple_results = True


@_by_platform.def_abstract_eval
def _shapes(*_, traced, **__):
    return traced.out_avals


@_by_platform.def_impl
def _at_once(*leaves, **parameters):
    return jax.jit(lambda *leaves: _by_platform.bind(*leaves, **parameters))(*leaves)


def _batched(leaves, axes, *, traced, here, rest):
    def over(function):
        return jax.vmap(function, axes)

    functions = {here: over(jaxpr_as_fun(traced)), **{name: over(function) for name, function in rest}}
    out = by_platform(functions, *leaves)
    return out, [0] * len(out)


def _lower_for(platform: str) -> None:
    def rule(context, *values, traced, here, rest):
        functions = {here: jaxpr_as_fun(traced), **dict(rest)}
        function = functions.get(platform, functions["default"])
        return mlir.lower_fun(function, multiple_results=True)(context, *values)

    mlir.register_lowering(_by_platform, rule, platform=None if platform == "default" else platform)


batching.primitive_batchers[_by_platform] = _batched
for _platform in ("cpu", "cuda", "default"):
    _lower_for(_platform)
