"""Populations of bit strings that evolve towards a hidden one, told only whether parities agree.

A genotype x and the target t are bit strings of length n; a challenge c asks for the parity of the bits of t that c
marks. In: a rule, which says which challenges are put and what answers are worth; a key; n. Out: generations until the
target is in the population. Under uniform challenges all but the target are right half of the time (Kearns 1998): no
score points anywhere. Kaznatcheev (2020) lets the population bias its challenges; the bias here is our reading of it.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Int, Key, UInt

INDIVIDUALS, CHALLENGES = 64, 64  # in a generation
LONGEST = 32  # bits that fit a word

BEST, MEAN, SHARING, BIASED, SPARSE, FREQUENCY = (
    "best neighbour",
    "mean",
    "resource sharing",
    "biased by allele frequencies",
    "fixed sparse challenges",
    "frequency fitness",
)
RULES = (BEST, MEAN, SHARING, BIASED, SPARSE, FREQUENCY)


@partial(jax.jit, static_argnames=("rule", "cap"))
def generations_to_target(keys: Key[Array, "S"], size: Int[Array, ""], rule: str, cap: int) -> Int[Array, "S"]:
    """For each key, the first generation with the target in it; `cap` if there was none.

    The same key has the same target and the same start, copies of one random genotype, under every rule. Consumes
    `keys`.
    """
    return jax.vmap(lambda key: _evolve(key, size, rule, cap))(keys)


def _evolve(key: Key[Array, ""], size: Int[Array, ""], rule: str, cap: int) -> Int[Array, ""]:
    target_key, start_key, key = jax.random.split(key, 3)
    target = _drawn(target_key, jnp.full(LONGEST, 0.5), size, 1)[0]
    start = jnp.repeat(_drawn(start_key, jnp.full(LONGEST, 0.5), size, 1), INDIVIDUALS)

    def is_searching(state):
        population, generation, _ = state
        return (generation < cap) & ~(population == target).any()

    def advance(state):
        population, generation, seen = state
        challenge_key, *keys, child_key = jax.random.split(jax.random.fold_in(key, generation), 4)
        challenges = _drawn(challenge_key, chances(rule, population, size), size, CHALLENGES)
        right = ~parity((population ^ target)[:, None], challenges[None])
        score, seen = worth(rule, right, seen)
        parents = _parents(keys[0], keys[1], rule, score)
        flips = _drawn(child_key, jnp.full(LONGEST, 1.0) / size.astype(jnp.float32), size, INDIVIDUALS)
        return population[parents] ^ flips, generation + 1, seen

    return lax.while_loop(is_searching, advance, (start, jnp.int32(0), jnp.zeros(CHALLENGES + 1)))[1]


def chances(rule: str, population: UInt[Array, "P"], size: Int[Array, ""]) -> Float[Array, "bits"]:
    """How likely a challenge marks each bit: q = 1/2 - 2 p (1 - p) for an allele of frequency p where the population
    biases it, 1 / n if challenges are sparse anyway, else 1/2."""
    if rule == BIASED:
        alleles = (population[:, None] >> jnp.arange(LONGEST, dtype=jnp.uint32)[None]) & 1
        frequency = alleles.mean(0, dtype=jnp.float32)
        return 0.5 - 2.0 * frequency * (1.0 - frequency)
    return jnp.full(LONGEST, 1.0) / size.astype(jnp.float32) if rule == SPARSE else jnp.full(LONGEST, 0.5)


def worth(rule: str, right: Bool[Array, "P C"], seen: Float[Array, "C+1"]) -> tuple[Float[Array, "P"], Any]:
    """Score of each individual from its right answers; and how often each number of them has been seen."""
    answers = right.astype(jnp.float32)
    if rule == SHARING:  # a challenge pays 1, shared by those that are right
        return (answers / jnp.maximum(answers.sum(0), 1.0)[None]).sum(1), seen
    if rule == FREQUENCY:
        number = right.sum(1, dtype=jnp.int32)
        seen = seen.at[number].add(1.0)
        return -seen[number], seen
    return answers.sum(1), seen


def parity(left: UInt[Array, "*#shape"], right: UInt[Array, "*#shape"]) -> Bool[Array, "*shape"]:
    """Whether an odd number of bits is set in both."""
    return lax.population_count(left & right) & 1 == 1


def _parents(entrant_key: Key[Array, ""], tie_key: Key[Array, ""], rule: str, score: Float[Array, "P"]) -> Array:
    """The better of two for each child; the best of all, if neighbours of one genotype compete. Ties by lot."""
    lots = jax.random.permutation(tie_key, INDIVIDUALS)
    order = jnp.lexsort((lots, -score))
    entrants = jax.random.randint(entrant_key, (INDIVIDUALS, 2), 0, INDIVIDUALS)
    return order[jnp.zeros(INDIVIDUALS, jnp.int32) if rule == BEST else entrants.min(1)]


def _drawn(key: Key[Array, ""], chance: Float[Array, "bits"], size: Int[Array, ""], count: int) -> UInt[Array, "n"]:
    """Words with each of the first `size` bits set by its chance. Consumes `key`."""
    places = jnp.arange(LONGEST, dtype=jnp.uint32)
    is_set = (jax.random.uniform(key, (count, LONGEST)) < chance[None]) & (places < size.astype(jnp.uint32))[None]
    return (is_set.astype(jnp.uint32) << places[None]).sum(1, dtype=jnp.uint32)
