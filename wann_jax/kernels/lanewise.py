"""A function of numbers and small arrays, applied to many lanes at once, without any array but whole lanes.

In: a function, and for each number of its arguments a lane array. Out: the same of its results. A GPU's kernel keeps
lanes in registers: it knows neither small arrays nor all of JAX's operations. So the function is traced for one lane,
its arrays are taken apart into their numbers, and what cannot be done with lanes is refused.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from wann_jax.errors import WannError

# A number of the function is a lane array here, or a constant; an array is a NumPy array of such objects.
Numbers = np.ndarray

ELEMENTWISE = {
    *("abs", "ceil", "cos", "exp", "exp2", "floor", "is_finite", "log", "log1p", "logistic", "neg", "rsqrt", "sin"),
    *("sqrt", "square", "tan", "tanh", "integer_pow", "stop_gradient", "convert_element_type"),
    *("add", "sub", "mul", "div", "rem", "pow", "max", "min", "clamp", "select_n"),
    *("eq", "ne", "ge", "gt", "le", "lt", "and", "or", "not", "xor"),
    *("shift_left", "shift_right_arithmetic", "shift_right_logical"),
}
CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "remat": "jaxpr",
}


class NotLanewiseError(WannError):
    """A function does something that lanes cannot do on their own."""


def lanewise(function: Callable[..., Any], *shapes: Any) -> Callable[..., Any]:
    """The function for lanes.

    Args:
        function: of pytrees of arrays of any shape; traced now, for one lane.
        shapes: of its arguments, as `jax.eval_shape` takes them.

    Returns:
        A function of the same pytrees with `Numbers` for arrays, or lane arrays for scalars, that gives such.

    Raises:
        NotLanewiseError: if it does what has no form for lanes, when it is called.
    """
    closed, out_shape = jax.make_jaxpr(function, return_shape=True)(*shapes)
    structure = jax.tree.structure(out_shape)

    def for_lanes(*arguments: Any) -> Any:
        leaves = [numbers_of(leaf) for leaf in jax.tree.leaves(arguments)]
        return jax.tree.unflatten(structure, [_plain(leaf) for leaf in _run(closed.jaxpr, closed.consts, leaves)])

    return for_lanes


def numbers_of(found: Any) -> Numbers:
    """What this module works on: of a list of numbers, or of one."""
    if isinstance(found, np.ndarray) and found.dtype == object:
        return found
    array = np.empty(len(found) if isinstance(found, list) else (), object)
    for place, number in enumerate(found) if isinstance(found, list) else [((), found)]:
        array[place] = number
    return array


def _plain(numbers: Numbers) -> Any:
    return numbers[()] if numbers.ndim == 0 else numbers


def _constants(values: Any) -> Numbers:
    values = np.asarray(values)
    array = np.empty(values.shape, object)
    for place in np.ndindex(values.shape):
        array[place] = values[place]
    return array


def _run(jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Numbers]) -> list[Numbers]:
    """All equations, one after another; only those whose results are used."""
    known = dict(zip(jaxpr.constvars, map(_constants, consts), strict=True))
    known |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(atom):
        return _constants(atom.val) if hasattr(atom, "val") else known[atom]

    for equation in _used(jaxpr):
        results = _evaluate(equation, [read(atom) for atom in equation.invars])
        known |= dict(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _used(jaxpr: Any) -> list[Any]:
    wanted = {atom for atom in jaxpr.outvars if not hasattr(atom, "val")}
    used = []
    for equation in reversed(jaxpr.eqns):
        if not wanted.isdisjoint(equation.outvars):
            used.append(equation)
            wanted |= {atom for atom in equation.invars if not hasattr(atom, "val")}
    return used[::-1]


def _evaluate(equation: Any, arguments: list[Numbers]) -> list[Numbers]:
    name, params = equation.primitive.name, equation.params
    if name in CALLS:
        inner = params[CALLS[name]]
        consts = getattr(inner, "consts", ())
        return _run(getattr(inner, "jaxpr", inner), consts, arguments)
    if name == "cond":
        return _branch(params["branches"], *arguments)
    if name in REPLACED:
        return [_each(REPLACED[name], arguments)]
    if name in ELEMENTWISE:
        return [_each(lambda *numbers: equation.primitive.bind(*numbers, **params), arguments)]
    if name not in STRUCTURAL:
        raise NotLanewiseError(f"{name!r} has no form for single lanes")
    result = STRUCTURAL[name](*arguments, **params)
    return result if isinstance(result, list) else [result]


def _each(function: Callable[..., Any], arguments: Sequence[Numbers]) -> Numbers:
    """For each number; arguments without dimensions serve all."""
    shape = np.broadcast_shapes(*(argument.shape for argument in arguments))
    result = np.empty(shape, object)
    for place in np.ndindex(shape):
        result[place] = function(*_alike([each[place] if each.ndim else each[()] for each in arguments]))
    return result


def _alike(numbers: list[Any]) -> list[Any]:
    """Constants and uniform numbers spread over lanes, where there are lanes."""
    shape = np.broadcast_shapes(*(np.shape(number) for number in numbers))
    return [number if np.shape(number) == shape else _spread(number, shape) for number in numbers]


def _spread(number: Any, shape: tuple[int, ...]) -> Array:
    return lax.full(shape, number) if isinstance(number, np.number | np.bool) else lax.broadcast(number, shape)


def _select(index: Any, cases: Sequence[Any]) -> Any:
    """The case of each lane's index, clipped to those there are."""
    result = cases[-1]
    for number, case in reversed([*enumerate(cases[:-1])]):
        chosen, yes, no = _alike([index, case, result])
        result = jnp.where(chosen <= number, yes, no)
    return result


def _branch(branches: Sequence[Any], index: Numbers, *arguments: Numbers) -> list[Numbers]:
    """All branches, and each lane's choice among them."""
    results = [_run(branch.jaxpr, branch.consts, arguments) for branch in branches]
    which = lax.convert_element_type(index[()], jnp.int32)
    return [_each(lambda *cases: _select(which, cases), leaves) for leaves in zip(*results, strict=True)]


def _round(x: Any) -> Array:
    """To the nearest whole number, halves to the even one."""
    low = jnp.floor(x)
    rest = x - low
    is_odd = low - 2.0 * jnp.floor(0.5 * low) > 0.5
    return low + jnp.where((rest > 0.5) | ((rest == 0.5) & is_odd), 1.0, 0.0)


def _sign(x: Any) -> Array:
    return (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)


def _reduced(combine: Callable[[Any, Any], Any]) -> Callable[..., Numbers]:
    def reduce(array, axes, **_):
        moved = np.moveaxis(array, axes, range(len(axes)))
        first, *others = moved.reshape(-1, *moved.shape[len(axes) :])
        result = numbers_of(first)
        for row in others:
            result = _each(combine, (result, numbers_of(row)))
        return result

    return reduce


def _extreme(is_better: Callable[[Any, Any], Any]) -> Callable[..., Numbers]:
    """The place of the first best number along an axis; that of the first that is no number, if there is one."""

    def place_of(array, axes, **_):
        best, *others = map(numbers_of, np.moveaxis(array, axes[0], 0))
        index = _each(lambda number: jnp.zeros(jnp.shape(number), jnp.int32), (best,))
        for place, row in enumerate(others, 1):

            def wins(new, old):
                return (is_better(new, old) | (new != new)) & (old == old)

            won = _each(wins, (row, best))
            best = _each(jnp.where, (won, row, best))
            index = _each(lambda won, old, place=place: jnp.where(won, place, old), (won, index))
        return index

    return place_of


def _dynamic_slice(array: Numbers, *starts: Numbers, slice_sizes: Sequence[int], **_: Any) -> Numbers:
    for axis, (start, size) in enumerate(zip(starts, slice_sizes, strict=True)):
        if size == array.shape[axis]:
            continue
        windows = np.stack([array.take(range(at, at + size), axis) for at in range(array.shape[axis] - size + 1)])
        result = np.empty(windows.shape[1:], object)
        for place in np.ndindex(result.shape):
            result[place] = _select(start[()], [window[place] for window in windows])
        array = result
    return array


def _broadcast(array: Numbers, *, shape: Sequence[int], broadcast_dimensions: Sequence[int], **_: Any) -> Numbers:
    spread = [1] * len(shape)
    for source, target in enumerate(broadcast_dimensions):
        spread[target] = array.shape[source]
    return np.broadcast_to(array.reshape(spread), shape)


def _slice(array: Numbers, *, start_indices: Any, limit_indices: Any, strides: Any, **_: Any) -> Numbers:
    steps = strides or [1] * array.ndim
    return array[tuple(map(slice, start_indices, limit_indices, steps))]


REPLACED: dict[str, Callable[..., Any]] = {"copy": lambda number: number, "round": _round, "sign": _sign}
STRUCTURAL: dict[str, Callable[..., Any]] = {
    "argmax": _extreme(lambda new, old: new > old),
    "argmin": _extreme(lambda new, old: new < old),
    "broadcast_in_dim": _broadcast,
    "concatenate": lambda *arrays, dimension: np.concatenate(arrays, dimension),
    "dynamic_slice": _dynamic_slice,
    "expand_dims": lambda array, *, dimensions: np.expand_dims(array, dimensions),
    "reduce_and": _reduced(lax.bitwise_and),
    "reduce_max": _reduced(lax.max),
    "reduce_min": _reduced(lax.min),
    "reduce_or": _reduced(lax.bitwise_or),
    "reduce_sum": _reduced(lax.add),
    "reshape": lambda array, *, new_sizes, **_: array.reshape(new_sizes),
    "rev": lambda array, *, dimensions: np.flip(array, dimensions),
    "slice": _slice,
    "squeeze": lambda array, *, dimensions: np.squeeze(array, dimensions),
    "stack": lambda *arrays, axis=0: np.stack(arrays, axis),
    "transpose": lambda array, *, permutation: array.transpose(permutation),
}
