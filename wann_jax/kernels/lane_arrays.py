"""Arrays whose numbers are lanes, each of its own: what can be done with them without a look at any number.

In: NumPy arrays of objects, each a lane array or a constant. Out: such arrays, and lane arrays of choices among them.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from wann_jax.errors import WannError

# A number of the function is a lane array here, or a constant; an array is a NumPy array of such objects.
Numbers = np.ndarray


class NotLanewiseError(WannError):
    """A function does something that lanes cannot do on their own."""


class Stored:
    """A number that stays in a kernel's table until it is wanted: what a loop only reads need not be kept at hand."""

    def __init__(self, table: Any, row: Any, lanes: Any):
        """`row` of the table, or each lane's own; `lanes`: the places of this tile's."""
        self.table, self.row, self.lanes = table, row, lanes
        self.shape = lanes.shape

    def read(self) -> Any:
        """The lanes."""
        rows = self.row if np.ndim(self.row) else lax.full(self.shape, self.row, jnp.int32)
        return self.table[rows, self.lanes]


def at_hand(number: Any) -> Any:
    """The number itself, wherever it is."""
    return number.read() if isinstance(number, Stored) else number


def numbers_of(found: Any) -> Numbers:
    """What this module works on: of a list of numbers, or of one."""
    if isinstance(found, np.ndarray) and found.dtype == object:
        return found
    array = np.empty(len(found) if isinstance(found, list) else (), object)
    for place, number in enumerate(found) if isinstance(found, list) else [((), found)]:
        array[place] = number
    return array


def plain(numbers: Numbers) -> Any:
    """A number instead of an array without dimensions."""
    return numbers[()] if numbers.ndim == 0 else numbers


def constants_of(values: Any) -> Numbers:
    """Of a known array."""
    values = np.asarray(values)
    array = np.empty(values.shape, object)
    for place in np.ndindex(values.shape):
        array[place] = values[place]
    return array


def each(function: Callable[..., Any], arguments: Sequence[Numbers], spreads: bool = True) -> Numbers:
    """For each number; axes of one serve all, as in NumPy. Of constants alone it makes a constant, now.

    `spreads`: the function gets constants as lanes, too, where there are lanes.
    """
    shape = np.broadcast_shapes(*(argument.shape for argument in arguments))
    result, arguments = np.empty(shape, object), [np.broadcast_to(argument, shape) for argument in arguments]
    for place in np.ndindex(shape):
        numbers = [at_hand(argument[place]) for argument in arguments]
        if all(map(is_constant, numbers)):
            result[place] = _now(function, numbers)
        else:
            result[place] = function(*alike(numbers)) if spreads else function(*numbers)
    return result


def _now(function: Callable[..., Any], numbers: Sequence[Any]) -> Any:
    with jax.ensure_compile_time_eval():
        return np.asarray(function(*numbers))[()]


def is_constant(number: Any) -> bool:
    """Whether it is the same for all lanes, and known."""
    return isinstance(number, np.generic)


def alike(numbers: list[Any]) -> list[Any]:
    """Constants and uniform numbers spread over lanes, where there are lanes."""
    shape = np.broadcast_shapes(*(np.shape(number) for number in numbers))
    return [number if np.shape(number) == shape else spread(number, shape) for number in numbers]


def spread(number: Any, shape: tuple[int, ...]) -> Array:
    """The same number for all lanes."""
    return lax.full(shape, number) if is_constant(number) else lax.broadcast(number, shape)


def is_at_most(index: Any, count: int) -> list[Any]:
    """For each number below `count`, whether the lane's index is that or less."""
    index = at_hand(index)
    return [_compared(index, number) for number in range(count)]


def _compared(index: Any, number: int) -> Any:
    return index <= np.int32(number) if is_constant(index) else lax.le(*alike([index, np.int32(number)]))


def select(is_lower: Sequence[Any], cases: Sequence[Any]) -> Any:
    """The first case that an index is low enough for (`is_at_most`), else the last one."""
    cases = [at_hand(case) for case in cases]
    result = cases[-1]
    for chosen, case in zip(reversed(is_lower), reversed(cases[:-1]), strict=True):
        result = choose(chosen, result, case)
    return result


def _reduced(combine: Callable[[Any, Any], Any]) -> Callable[..., Numbers]:
    def reduce(array, axes, **_):
        moved = np.moveaxis(array, axes, range(len(axes)))
        first, *others = moved.reshape(-1, *moved.shape[len(axes) :])
        result = numbers_of(first)
        for row in others:
            result = each(combine, (result, numbers_of(row)))
        return result

    return reduce


def _extreme(is_better: Callable[[Any, Any], Any]) -> Callable[..., Numbers]:
    """The place of the first best number along an axis; that of the first that is no number, if there is one."""

    def place_of(array, axes, **_):
        best, *others = map(numbers_of, np.moveaxis(array, axes[0], 0))
        index = each(lambda number: jnp.zeros(jnp.shape(number), jnp.int32), (best,))
        for place, row in enumerate(others, 1):

            def wins(new, old):
                return (is_better(new, old) | (new != new)) & (old == old)

            won = each(wins, (row, best))
            best = each(jnp.where, (won, row, best))
            index = each(lambda won, old, place=place: jnp.where(won, place, old), (won, index))
        return index

    return place_of


def _dynamic_slice(array: Numbers, *starts: Numbers, slice_sizes: Sequence[int], **_: Any) -> Numbers:
    for axis, (start, size) in enumerate(zip(starts, slice_sizes, strict=True)):
        if size == array.shape[axis]:
            continue
        if is_constant(start[()]):
            first = min(max(int(start[()]), 0), array.shape[axis] - size)
            array = array.take(range(first, first + size), axis)
            continue
        windows = np.stack([array.take(range(at, at + size), axis) for at in range(array.shape[axis] - size + 1)])
        result, is_lower = np.empty(windows.shape[1:], object), is_at_most(start[()], len(windows) - 1)
        for place in np.ndindex(result.shape):
            cases = [window[place] for window in windows]
            result[place] = _stored_among(cases, start[()]) or select(is_lower, cases)
        array = result
    return array


def _scattered(combine: Callable[[Any, Any], Any]) -> Callable[..., Numbers]:
    """Writes one part of an array, at a place that may depend on the lane; places outside are not written."""

    def write(array, place, part, *, dimension_numbers, **_):
        axes = dimension_numbers.scatter_dims_to_operand_dims
        is_one = dimension_numbers.inserted_window_dims == axes and place.shape == (len(axes),)
        if not is_one or dimension_numbers.operand_batching_dims:
            raise NotLanewiseError("lanes write an array one part after another")
        parts = np.moveaxis(array, axes, range(len(axes))).copy()
        for here in np.ndindex(parts.shape[: len(axes)]):
            is_here = _is_place(place, here)
            if is_constant(is_here) and not is_here:
                continue
            old = numbers_of(parts[here])
            parts[here] = plain(each(choose, (numbers_of(is_here), old, each(combine, (old, part))), spreads=False))
        return np.moveaxis(parts, range(len(axes)), axes)

    return write


def _stored_among(cases: Sequence[Any], index: Any) -> Stored | None:
    """The case of each lane's index, clipped to those there are, if they lie in a table at equal distances."""
    if not all(isinstance(case, Stored) and not np.ndim(case.row) for case in cases):
        return None
    first, step = cases[0], cases[1].row - cases[0].row
    if any(case.table is not first.table or case.row != first.row + step * n for n, case in enumerate(cases)):
        return None
    (index, _) = alike([at_hand(index), jnp.zeros(first.shape)])
    rows = first.row + step * jnp.clip(index, 0, len(cases) - 1).astype(jnp.int32)
    return Stored(first.table, rows, first.lanes)


def _is_place(place: Numbers, here: tuple[int, ...]) -> Any:
    """Whether a lane means this place."""
    fits = [at_hand(at) == number for at, number in zip(place, here, strict=True)]
    known = [fit for fit in fits if is_constant(fit)]
    if len(known) == len(fits) or not all(known):
        return np.bool_(all(known))
    return functools.reduce(lax.bitwise_and, alike([fit for fit in fits if not is_constant(fit)]))


def choose(which: Any, *cases: Any) -> Any:
    """As `lax.select_n`; no operation where the choice is known."""
    return cases[int(which)] if is_constant(which) else lax.select_n(*alike([which, *cases]))


def _iota(*, dtype: Any, shape: Sequence[int], dimension: int, **_: Any) -> Numbers:
    along = np.arange(shape[dimension], dtype=dtype).reshape(
        [-1 if axis == dimension else 1 for axis in range(len(shape))]
    )
    return constants_of(np.broadcast_to(along, shape))


def _broadcast(array: Numbers, *, shape: Sequence[int], broadcast_dimensions: Sequence[int], **_: Any) -> Numbers:
    spread = [1] * len(shape)
    for source, target in enumerate(broadcast_dimensions):
        spread[target] = array.shape[source]
    return np.broadcast_to(array.reshape(spread), shape)


def _slice(array: Numbers, *, start_indices: Any, limit_indices: Any, strides: Any, **_: Any) -> Numbers:
    steps = strides or [1] * array.ndim
    return array[tuple(map(slice, start_indices, limit_indices, steps))]


STRUCTURAL: dict[str, Callable[..., Any]] = {
    "argmax": _extreme(lambda new, old: new > old),
    "argmin": _extreme(lambda new, old: new < old),
    "broadcast_in_dim": _broadcast,
    "concatenate": lambda *arrays, dimension: np.concatenate(arrays, dimension),
    "dynamic_slice": _dynamic_slice,
    "iota": _iota,
    "expand_dims": lambda array, *, dimensions: np.expand_dims(array, dimensions),
    "reduce_and": _reduced(lax.bitwise_and),
    "reduce_max": _reduced(lax.max),
    "reduce_min": _reduced(lax.min),
    "reduce_or": _reduced(lax.bitwise_or),
    "reduce_sum": _reduced(lax.add),
    "reshape": lambda array, *, new_sizes, **_: array.reshape(new_sizes),
    "rev": lambda array, *, dimensions: np.flip(array, dimensions),
    "scatter": _scattered(lambda old, new: new),
    "scatter-add": _scattered(lax.add),
    "slice": _slice,
    "squeeze": lambda array, *, dimensions: np.squeeze(array, dimensions),
    "stack": lambda *arrays, axis=0: np.stack(arrays, axis),
    "transpose": lambda array, *, permutation: array.transpose(permutation),
}
