"""A function of lanes in one launch: all that each lane does for itself, loops included.

In: a function of arrays that end with the lanes, and such arrays. Out: its results. What is given
stays in tables and is read where it is wanted; all else is in registers or a thread's own memory. No tile waits for
another.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl

from wann_jax.kernels.lane_arrays import Stored, numbers_of
from wann_jax.kernels.lanewise import lanewise
from wann_jax.kernels.pallas.launching import LANES, launch
from wann_jax.kernels.pallas.packing import KINDS, Packed


def in_one_launch(function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)`, whose arrays are [..., B]. Raises NotLanewiseError if lanes cannot do it."""
    num_lanes = jax.tree.leaves(arguments)[0].shape[-1]
    num_tiles = -(-num_lanes // LANES)
    to_front = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 0), arguments)
    given = Packed.of(to_front, num_axes=1)
    tables = [jnp.pad(table, ((0, 0), (0, num_tiles * LANES - num_lanes)), mode="edge") for table in given.tables]
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((*leaf.shape[:-1], 1), leaf.dtype), arguments)
    of_lanes = lanewise(function, *one)
    result = jax.eval_shape(function, *one)
    made = Packed.of(jax.tree.map(lambda leaf: jnp.zeros((1, *leaf.shape[:-1]), leaf.dtype), result), num_axes=1)

    def kernel(*refs):
        lanes = pl.ds(pl.program_id(0) * LANES, LANES)
        places = pl.program_id(0) * LANES + lax.iota(jnp.int32, LANES)
        read = given.read(refs[: len(KINDS)], lambda table, index: Stored(table, index, places))
        numbers = jax.tree.map(lambda leaf: numbers_of(leaf)[..., None], read)
        rows = [0] * len(KINDS)
        for number, kind in zip(made.flatten(of_lanes(*numbers), LANES), made.kinds, strict=True):
            refs[len(KINDS) + kind][rows[kind], lanes] = number
            rows[kind] += 1

    shapes = [(table.shape[0], num_tiles * LANES) for table in made.tables]
    results = [jax.ShapeDtypeStruct(*each) for each in zip(shapes, KINDS, strict=True)]
    written = launch(kernel, num_tiles, results, tables)
    back = made.read(written, lambda table, index: table[index, :num_lanes])
    return jax.tree.map(lambda leaf, like: jnp.stack([*leaf.ravel()]).reshape(*like.shape[:-1], -1), back, result)
