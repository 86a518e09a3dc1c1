"""Breeding where the population is: each device makes the children of its own slots, wherever their parents are.

In: the population, whole on every device or divided among them, and who each child comes from. Out: the children, where
the population was, the same to the bit however many devices there are.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.sharding import PartitionSpec
from jaxtyping import Int, Key

from wann_jax.devices import AXIS, is_divided, population_mesh
from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.selection import Choice
from wann_jax.genomes.genome import Genome
from wann_jax.genomes.mutation import Mutated
from wann_jax.genomes.population import Pairs, breed


def breed_in_place(
    key: Key[Array, ""],
    config: SearchConfig,
    genomes: Genome,
    pairs: Pairs,
    choice: Choice,
    first_mark: Int[Array, ""],
) -> Mutated:
    """One child of each pair, see `breed`, by the device that has its slot. Consumes `key`.

    Parents on other devices come in shares that go round; of whole islands only migrants do.
    """
    make = partial(breed, connection_limit=config.connection_limit, max_changes=config.max_changes)
    rates = config.mutation_rates
    if not is_divided(genomes):
        return make(key, genomes, pairs, rates, choice.passes, first_mark)
    mesh = population_mesh()
    stay = config.islands % mesh.size == 0

    def of_share(share, pairs, passes, key, rates, first_mark, everyones):
        start = lax.axis_index(AXIS) * passes.shape[0]
        if stay:
            pool, own = _with_guests(share, pairs, everyones, start, config)
        else:
            pool, own = _with_parents(share, pairs)
        return make(key, pool, own, rates, passes, first_mark, first_slot=start)

    split, whole = PartitionSpec(AXIS), PartitionSpec()
    specs = (split, split, split, whole, whole, whole, whole)
    mapped = jax.shard_map(of_share, mesh=mesh, in_specs=specs, out_specs=split, check_vma=False)
    return mapped(genomes, pairs, choice.passes, key, rates, first_mark, choice.parents)


def individuals_at(population: Any, places: Int[Array, "n"]) -> Any:
    """Some individuals of a population, whole on every device."""
    if not is_divided(population):
        return jax.tree.map(lambda table: table[places], population)

    def of_share(share, places):
        size = jax.tree.leaves(share)[0].shape[0]
        place = places - lax.axis_index(AXIS) * size
        # One device has each, the others add zeros to it; truths add as whole numbers, which all else is.
        rows = _picked(share, place, _nothing(share, len(places)))
        return jax.tree.map(lambda table: lax.psum(table.astype(jnp.int32), AXIS).astype(table.dtype), rows)

    split, whole = PartitionSpec(AXIS), PartitionSpec()
    mapped = jax.shard_map(of_share, mesh=population_mesh(), in_specs=(split, whole), out_specs=whole, check_vma=False)
    return mapped(population, places)


def _with_parents(share: Genome, pairs: Pairs) -> tuple[Genome, Pairs]:
    """On a device: the parents of its children, from wherever they are, and the pairs by places among these.

    Every share passes every device, which takes what it needs. The best are on few devices and have most children, so
    that sending each child its parent would keep those devices' links as busy as this keeps all.
    """
    size, crossed = pairs.parents.shape[0], share.spec.is_ordered
    wanted = jnp.concatenate([pairs.parents, pairs.partners]) if crossed else pairs.parents
    num_devices, here = lax.axis_size(AXIS), lax.axis_index(AXIS)

    def pick(step, passing, found):
        return _picked(passing, wanted - (here - step) % num_devices * size, found)

    def advance(step, carry):
        passing, found = carry
        passing = _handed_on(passing)
        return passing, pick(step, passing, found)

    found = pick(0, share, _nothing(share, len(wanted)))
    _, pool = lax.fori_loop(1, num_devices, advance, (share, found))
    own, is_crossed = jnp.arange(size), pairs.is_crossed & (pairs.partners != pairs.parents)
    return pool, Pairs(own, own + size * crossed, is_crossed)


def _with_guests(
    share: Genome, pairs: Pairs, everyones: Int[Array, "P"], start: Int[Array, ""], config: SearchConfig
) -> tuple[Genome, Pairs]:
    """On a device that has whole islands: these, and the migrants that its first one may get from the device before.

    `everyones` are the parents of all slots, so that a device knows whom the next one takes.
    """
    size, first_guest = pairs.parents.shape[0], config.island_size - config.migrants
    own, partners = pairs.parents - start, pairs.partners - start
    if not config.migrants:
        return share, Pairs(own, partners, pairs.is_crossed)
    beyond = (start + size) % config.population_size
    leaving = lax.dynamic_slice(everyones, (beyond + first_guest,), (config.migrants,)) - start
    arrived = _handed_on(jax.tree.map(lambda table: table[jnp.clip(leaving, 0, size - 1)], share))
    pool = jax.tree.map(lambda *tables: jnp.concatenate(tables), share, arrived)
    is_own = (own >= 0) & (own < size)
    return pool, Pairs(jnp.where(is_own, own, size + jnp.arange(size) - first_guest), partners, pairs.is_crossed)


def _handed_on(tree: Any) -> Any:
    """What the device before had, in a ring."""
    num_devices = lax.axis_size(AXIS)
    ring = [(device, (device + 1) % num_devices) for device in range(num_devices)]
    return jax.tree.map(lambda table: lax.ppermute(table, AXIS, ring), tree)


def _nothing(share: Any, count: int) -> Any:
    """Rows of zeros, as many as it says."""
    return jax.tree.map(lambda table: jnp.zeros((count, *table.shape[1:]), table.dtype), share)


def _picked(share: Any, places: Int[Array, "n"], otherwise: Any) -> Any:
    """The individuals at some places of a share; where it has no such place, what is in that row of `otherwise`."""
    size = jax.tree.leaves(share)[0].shape[0]
    is_here = (places >= 0) & (places < size)

    def rows(table, other):
        found = table[jnp.clip(places, 0, size - 1)]
        return jnp.where(is_here.reshape(-1, *[1] * (found.ndim - 1)), found, other)

    return jax.tree.map(rows, share, otherwise)
