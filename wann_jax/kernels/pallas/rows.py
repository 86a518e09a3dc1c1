"""The inside of the Pallas kernels: one network's rows, one after another, on a tile of lanes.

In: references to tables and to memory, in a kernel. Out: outputs. All threads of a program take the same row, so that
each evaluates one activation only. A thread reads none but the lanes that it has written itself.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float

from wann_jax.genomes.activation_ids import SUM
from wann_jax.kernels.lanewise import lanewise
from wann_jax.kernels.pallas.program import Program
from wann_jax.networks.activations import FUNCTIONS
from wann_jax.networks.network import NetworkSpec

Lanes = Float[Array, "T"]


class Row(NamedTuple):
    """What a row does; numbers."""

    sources: tuple[Array, ...]
    place: Array
    activation: Array


class Tile(NamedTuple):
    """A network on lanes, as the kernels see it: references to its program and to its values."""

    program: Program  # of references to all networks' tables
    network: Array  # which one
    values: Any  # reference to [programs, places x weights, T]
    memory: Array  # the program whose part of it this tile uses
    given: Callable[[Array, Array], Lanes]  # of a slot, and whether it is wanted
    spec: NetworkSpec
    num_weights: int

    def run(self, weights: Sequence[Array]) -> None:
        """All rows, each weight a number or one for each lane."""
        num_rows = self.program.num_rows[self.network]

        def add_row(index, row):
            coming = self._row(index + 1)  # read ahead: it takes as long as the row
            self._write(row, weights)
            return coming

        lax.fori_loop(0, num_rows, add_row, self._row(jnp.int32(0)))

    def outputs(self, weight: int) -> list[Lanes]:
        """For one of the weights."""
        places = self.program.outputs
        return [
            self.values[self.memory, places[self.network, output] * self.num_weights + weight]
            for output in range(places.shape[1])
        ]

    def _row(self, index: Array) -> Row:
        program, network = self.program, self.network
        index = jnp.minimum(index, program.places.shape[1] - 1)
        sources = tuple(program.sources[network, index, column] for column in range(program.sources.shape[2]))
        return Row(sources, program.places[network, index], program.activations[network, index])

    def _write(self, row: Row, weights: Sequence[Array]) -> None:
        same = self._without_weights(row)
        totals = [self._total(row, same, index) for index in range(self.num_weights)]

        def applied(function):
            activate = lanewise(function, jax.ShapeDtypeStruct((), jnp.float32))
            return lambda *totals: tuple(
                activate(weight * total) for weight, total in zip(weights, totals, strict=True)
            )

        branches = [applied(function) for function in FUNCTIONS]
        branches[SUM] = lambda *totals: totals
        for index, value in enumerate(lax.switch(row.activation, branches, *totals)):
            self.values[self.memory, row.place * self.num_weights + index] = value

    def _without_weights(self, row: Row) -> Lanes:
        """What it adds up of inputs and their sums, the same for all weights."""
        total: Any = 0.0
        for source in row.sources:
            slot = -source
            total = total + self.given(slot, (slot > 0) & (slot < self.spec.first_sum_slot))
            if self.spec.max_input_sums:
                total = total + self._sum(slot - self.spec.first_sum_slot)
        return total

    def _sum(self, number: Array) -> Lanes:
        """An input sum; zero for a negative number."""
        table, wanted = self.program.sum_sources, number >= 0
        slots = [table[self.network, jnp.maximum(number, 0), column] for column in range(table.shape[2])]
        return functools.reduce(jnp.add, [self.given(slot, wanted & (slot > 0)) for slot in slots])

    def _total(self, row: Row, same: Lanes, weight: int) -> Lanes:
        total = same
        for source in row.sources:
            place = jnp.maximum(source - 1, 0)
            total = total + read(self.values.at[self.memory, place * self.num_weights + weight], source > 0)
        return total


def read(ref: Any, wanted: Bool[Array, ""]) -> Lanes:
    """What is there, or zeros, without a look at memory."""
    from jax.experimental.pallas import triton  # not every platform's jaxlib has it

    return triton.load(ref, mask=jnp.broadcast_to(wanted, ref.shape), other=0.0)
