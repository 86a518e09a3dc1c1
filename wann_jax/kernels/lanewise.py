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

from wann_jax.kernels.lane_arrays import (
    STRUCTURAL,
    NotLanewiseError,
    Numbers,
    at_hand,
    choose,
    constants_of,
    each,
    is_at_most,
    numbers_of,
    plain,
    select,
    spread,
)

ELEMENTWISE = {
    *("abs", "ceil", "cos", "exp", "exp2", "floor", "is_finite", "log", "log1p", "logistic", "neg", "rsqrt", "sin"),
    *("sqrt", "square", "tan", "tanh", "integer_pow", "stop_gradient", "convert_element_type"),
    *("add", "sub", "mul", "div", "rem", "pow", "max", "min", "clamp"),
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
        return jax.tree.unflatten(structure, [plain(leaf) for leaf in _run(closed.jaxpr, closed.consts, leaves)])

    return for_lanes


def _run(jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Numbers]) -> list[Numbers]:
    """All equations, one after another; only those whose results are used."""
    known = dict(zip(jaxpr.constvars, map(constants_of, consts), strict=True))
    known |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(atom):
        return constants_of(atom.val) if hasattr(atom, "val") else known[atom]

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
    if name == "select_n":
        return [each(choose, arguments, spreads=False)]
    if name in REPLACED:
        return [each(REPLACED[name], arguments)]
    if name in ELEMENTWISE:
        return [each(lambda *numbers: equation.primitive.bind(*numbers, **params), arguments)]
    if name == "while":
        return _loop(arguments, **params)
    if name not in STRUCTURAL:
        raise NotLanewiseError(f"{name!r} has no form for single lanes")
    result = STRUCTURAL[name](*arguments, **params)
    return result if isinstance(result, list) else [result]


def _branch(branches: Sequence[Any], index: Numbers, *arguments: Numbers) -> list[Numbers]:
    """All branches, and each lane's choice among them."""
    results = [_run(branch.jaxpr, branch.consts, arguments) for branch in branches]
    which = is_at_most(lax.convert_element_type(at_hand(index[()]), jnp.int32), len(branches) - 1)
    return [each(lambda *cases: select(which, cases), leaves, spreads=False) for leaves in zip(*results, strict=True)]


def _loop(
    arguments: Sequence[Numbers], *, cond_jaxpr: Any, body_jaxpr: Any, cond_nconsts: int, body_nconsts: int, **_: Any
) -> list[Numbers]:
    """Until the last lane's condition fails; a lane whose own has failed keeps what it has."""
    parts = cond_nconsts, cond_nconsts + body_nconsts
    of_condition, of_body, start = arguments[: parts[0]], arguments[parts[0] : parts[1]], arguments[parts[1] :]
    dtypes = [atom.aval.dtype for atom in body_jaxpr.jaxpr.outvars]
    lanes = np.broadcast_shapes(*(np.shape(number) for numbers in arguments for number in numbers.ravel()))

    def goes_on(carry):
        (condition,) = _run(cond_jaxpr.jaxpr, cond_jaxpr.consts, [*of_condition, *carry])
        return _spread_over(at_hand(condition[()]), lanes)

    def kept(carry):
        """Truth values as whole numbers, which a kernel's loops carry more readily."""
        numbers = [_spread_over(at_hand(number), lanes) for leaf in carry for number in leaf.ravel()]
        return [number.astype(jnp.int32) if number.dtype == bool else number for number in numbers]

    def carry_of(stored):
        left, carry = iter(stored), []
        for numbers, dtype in zip(start, dtypes, strict=True):
            some = [next(left) for _ in range(numbers.size)]
            some = [number != 0 for number in some] if dtype.kind == "b" else some
            carry.append(numbers_of(some).reshape(numbers.shape))
        return carry

    def advance(state):
        live, *old = state
        new = kept(_run(body_jaxpr.jaxpr, body_jaxpr.consts, [*of_body, *carry_of(old)]))
        new = [jnp.where(live != 0, *pair) for pair in zip(new, old, strict=True)]
        return (live * goes_on(carry_of(new)).astype(jnp.int32), *new)

    first = kept(start)
    state = (goes_on(carry_of(first)).astype(jnp.int32), *first)
    _, *last = lax.while_loop(lambda state: state[0].max() > 0, advance, state)
    return carry_of(last)


def _spread_over(number: Any, lanes: tuple[int, ...]) -> Array:
    return jnp.asarray(number) if np.shape(number) == lanes else spread(number, lanes)


def _round(x: Any) -> Array:
    """To the nearest whole number, halves to the even one."""
    low = jnp.floor(x)
    rest = x - low
    is_odd = low - 2.0 * jnp.floor(0.5 * low) > 0.5
    return low + jnp.where((rest > 0.5) | ((rest == 0.5) & is_odd), 1.0, 0.0)


def _sign(x: Any) -> Array:
    return (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)


REPLACED: dict[str, Callable[..., Any]] = {"copy": lambda number: number, "round": _round, "sign": _sign}
