"""Trees of numbers as rows of two tables, of fractions and of whole numbers, for kernels that know no other arrays.

In: a tree of arrays. Out: the tables; and, in a kernel, the tree again, with lanes or numbers for each of its numbers.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from wann_jax.kernels.lane_arrays import NotLanewiseError, at_hand, numbers_of

KINDS = (jnp.dtype("float32"), jnp.dtype("int32"))


class Packed(NamedTuple):
    """A tree of arrays. A number's leading axes stay the last ones of the tables."""

    structure: Any
    shapes: list[tuple[int, ...]]
    dtypes: list[Any]
    tables: list[Array]  # one for each of KINDS

    @classmethod
    def of(cls, tree: Any, num_axes: int = 0) -> "Packed":
        """`num_axes`: leading axes of all arrays that number cases of the same numbers.

        Raises NotLanewiseError for numbers that are neither float32, int32 nor truth values.
        """
        leaves, structure = jax.tree.flatten(jax.tree.map(jnp.asarray, tree))
        rows: tuple[list[Array], ...] = ([], [])
        for leaf in leaves:
            kind = _kind_of(leaf.dtype)
            moved = leaf.reshape(*leaf.shape[:num_axes], -1).astype(KINDS[kind])
            rows[kind].append(jnp.moveaxis(moved, -1, 0))
        cases = leaves[0].shape[:num_axes]
        # A table is never empty: the interpreter knows no such arrays.
        tables = [
            jnp.concatenate([*found, jnp.zeros((1, *cases), kind)]) for found, kind in zip(rows, KINDS, strict=True)
        ]
        return cls(structure, [leaf.shape[num_axes:] for leaf in leaves], [leaf.dtype for leaf in leaves], tables)

    @property
    def kinds(self) -> list[int]:
        """Of all its numbers, in order: the table that keeps each."""
        sizes = zip(self.shapes, self.dtypes, strict=True)
        return [kind for shape, dtype in sizes for kind in [_kind_of(dtype)] * int(np.prod(shape))]

    def read(self, tables: Sequence[Any], row: Callable[[Any, int], Any]) -> Any:
        """The tree, from references to the tables: `row` reads one."""
        used, stored = [0, 0], []
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            kind = _kind_of(dtype)
            for _ in range(int(np.prod(shape))):
                stored.append(row(tables[kind], used[kind]))
                used[kind] += 1
        return self.unflatten(stored)

    def unflatten(self, stored: Sequence[Any]) -> Any:
        """The tree, from all its numbers as they are kept."""
        left, leaves = iter(stored), []
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            numbers = [next(left) for _ in range(int(np.prod(shape)))]
            numbers = [at_hand(number) != 0 for number in numbers] if dtype.kind == "b" else numbers
            leaves.append(numbers_of(numbers).reshape(shape))
        return jax.tree.unflatten(self.structure, leaves)

    def flatten(self, tree: Any, lanes: int) -> tuple[Array, ...]:
        """All numbers of such a tree, as they are kept, each for all lanes."""
        stored = []
        for leaf, dtype in zip(jax.tree.leaves(tree), self.dtypes, strict=True):
            for number in numbers_of(leaf).ravel():
                kept = lax.convert_element_type(at_hand(number), KINDS[_kind_of(dtype)])
                stored.append(jnp.broadcast_to(kept, lanes))
        return tuple(stored)


def _kind_of(dtype: Any) -> int:
    """Which of KINDS keeps it."""
    if dtype.kind == "b":
        return 1
    if dtype not in KINDS:
        raise NotLanewiseError(f"numbers of the type {dtype} are not kept in lanes")
    return KINDS.index(dtype)
