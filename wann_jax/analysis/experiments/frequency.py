"""Frequency fitness assignment as published: what it does on functions that mislead a plain evolutionary algorithm.

The (1+1)-EA keeps a child that is no worse; the (1+1)-FEA keeps one whose value has been met no more often than its
parent's. In: a function of the number of ones among s bits. Out: evaluations until its optimum, all ones, is met.
Source: Weise, Wu, Li and Chen 2021 (arXiv 2001.01416).
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Int, Key

LONGEST = 32  # bits
JUMP = 3  # width of the gap before the optimum
ONE_MAX, JUMPS, TRAP = "OneMax", "Jump", "Trap"
FUNCTIONS = (ONE_MAX, JUMPS, TRAP)
PLAIN, FREQUENCY = "(1+1)-EA", "(1+1)-FEA"
ALGORITHMS = (PLAIN, FREQUENCY)


def values(name: str, size: int) -> np.ndarray:
    """What 0 to `size` ones are worth, to be maximised: the numbers of ones in another order, with the same last."""
    ones = np.arange(size + 1)
    before = {ONE_MAX: ones, JUMPS: np.where(ones <= size - JUMP, ones + JUMP, size - ones), TRAP: size - ones - 1}[
        name
    ]
    shift = -1 if name == JUMPS else 0  # so that they begin at 0
    return np.where(ones == size, size, before + shift)


def evaluations_to_optimum(keys: Key[Array, "S"], algorithm: str, name: str, size: int, cap: int) -> Int[Array, "S"]:
    """For each key, evaluations until all `size` bits are ones; `cap` if they never were. Consumes `keys`."""
    worth = np.zeros(LONGEST + 1, np.int32)
    worth[: size + 1] = values(name, size)
    return _climbs(keys, jnp.asarray(worth), jnp.int32(size), jnp.int32(cap), algorithm)


@partial(jax.jit, static_argnames="algorithm")
def _climbs(keys, worth, size, cap, algorithm):
    return jax.vmap(lambda key: _climb(key, worth, size, cap, algorithm))(keys)


def _climb(
    key: Key[Array, ""], worth: Int[Array, "n"], size: Int[Array, ""], cap: Int[Array, ""], algorithm: str
) -> Int[Array, ""]:
    start_key, key = jax.random.split(key)
    is_bit = jnp.arange(LONGEST) < size
    start = jax.random.bernoulli(start_key, 0.5, (LONGEST,)) & is_bit

    def is_searching(state):
        bits, done, _ = state
        return (done < cap) & (bits.sum(dtype=jnp.int32) < size)

    def advance(state):
        bits, done, met = state
        flip_key, least_key = jax.random.split(jax.random.fold_in(key, done))
        flips = (jax.random.uniform(flip_key, (LONGEST,)) < 1.0 / size.astype(jnp.float32)) & is_bit
        at_least = jnp.arange(LONGEST) == jax.random.randint(least_key, (), 0, size)
        child = bits ^ jnp.where(flips.any(), flips, at_least)
        mine, its = (worth[each.sum(dtype=jnp.int32)] for each in (bits, child))
        if algorithm == PLAIN:
            is_kept = its >= mine
        else:
            met = met.at[mine].add(1).at[its].add(1)
            is_kept = met[its] <= met[mine]
        is_optimum = its == size  # which ends the search, kept or not
        return jnp.where(is_kept | is_optimum, child, bits), done + 1, met

    return lax.while_loop(is_searching, advance, (start, jnp.int32(1), jnp.zeros(LONGEST + 1, jnp.int32)))[1]


def in_words(rows: dict[str, dict[int, list[int]]], cap: int) -> str:
    """An answer, from evaluations by "algorithm, function" and length."""
    found = {name: rows[f"{FREQUENCY}, {name}"] for name in FUNCTIONS}
    length = max(found[TRAP])
    same = "those" if all(each == found[ONE_MAX] for each in found.values()) else "NOT those"
    mean = np.mean(found[TRAP][length])
    jump, trap = (np.array(rows[f"{PLAIN}, {name}"][length]) for name in (JUMPS, TRAP))
    return (
        f"Frequency fitness where it was published, {length} bits: {mean:.0f} evaluations on Trap and Jump, run for "
        f"run {same} of OneMax, {mean / (length**2 * np.log(length)):.2f} s^2 ln s; without it {jump.mean():.0f} on "
        f"Jump, and {int((trap < cap).sum())} of {len(trap)} runs end Trap within {cap}."
    )
