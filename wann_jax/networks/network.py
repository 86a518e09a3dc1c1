"""The network: what a genome compiles to (compiling.py), ready to be evaluated and thrown away.

Padded in-neighbour lists in evaluation order, dead nodes and disabled connections dropped.

Every value of an evaluation lives in a numbered *slot*:

    0             constant zero (what padded list entries point to)
    1             bias, constant one
    2 .. I+1      inputs
    then Q        input sums: sums of up to K inputs, free of weight and of order ("shared input sums")
    then M        rows: one per computed node, in topological order, outputs last

Input sums exist where there are many inputs: the sum over the inputs of a node is the same for all shared weights,
so it is taken once. With few inputs (Q = 0) rows read the inputs directly.

A row adds at most K slots. A node with more in-neighbours than that spills into further rows before it: a partial
sum has activation id 0 (`SUM`), is not scaled by the weight, and is the first entry of the row that continues it.
So K stays small, and work follows the number of connections.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Int

from wann_jax.genomes.activation_ids import SUM
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.showing import html_of
from wann_jax.strictness import in_32_bits

ROW_WIDTH = 4  # K; measured against 2 and 8
SHARED_SUMS_FROM = 32  # inputs; below this many, summing them separately costs more than it saves
FIRST_INPUT_SLOT = 2


@dataclasses.dataclass(frozen=True)
class NetworkSpec:
    """Static sizes of a network's lists, as they follow from a genome's."""

    num_inputs: int
    num_outputs: int
    max_input_sums: int  # Q
    max_rows: int  # M
    max_connections: int  # E
    row_width: int = ROW_WIDTH  # K

    @classmethod
    def of(cls, spec: GenomeSpec) -> "NetworkSpec":
        """Sizes that no genome of this spec can exceed."""
        num_computed = spec.max_nodes - spec.first_output  # J
        shares_sums = spec.num_inputs >= SHARED_SUMS_FROM
        max_input_sums = num_computed + spec.max_connections // ROW_WIDTH if shares_sums else 0
        # A node with d list entries takes 1 + ceil((d - K) / (K - 1)) rows; d sums to at most E, or E + Q.
        spilled = -(-(spec.max_connections + max_input_sums) // (ROW_WIDTH - 1))
        return cls(spec.num_inputs, spec.num_outputs, max_input_sums, num_computed + spilled, spec.max_connections)

    @property
    def first_sum_slot(self) -> int:
        """Slot of the first input sum."""
        return FIRST_INPUT_SLOT + self.num_inputs

    @property
    def first_row_slot(self) -> int:
        """Slot of the first row."""
        return self.first_sum_slot + self.max_input_sums

    @property
    def num_slots(self) -> int:
        """Number of slots, padding included."""
        return self.first_row_slot + self.max_rows


class Network(struct.PyTreeNode):
    """A compiled network; a batch is the same class with leading axes. See the module's text for slots and rows."""

    sum_source: Int[Array, "*P Q K"]  # slots of bias and inputs
    sum_connection: Int[Array, "*P Q K"]  # which connection carries it; max_connections: none (factor 1)
    row_source: Int[Array, "*P M K"]  # slots
    row_connection: Int[Array, "*P M K"]  # as sum_connection
    row_activation: Int[Array, "*P M"]  # activation id, or SUM
    output_slot: Int[Array, "*P O"]
    num_sums: Int[Array, "*P"]  # input sums in use
    num_rows: Int[Array, "*P"]  # rows in use
    num_connections: Int[Array, "*P"]  # enabled connections: the length of a weight vector
    spec: NetworkSpec = struct.field(pytree_node=False)

    _repr_html_ = html_of

    @property
    def kernel_tables(self) -> tuple[Array, ...]:
        """What the native kernels read, in their order (kernels/native/program.h)."""
        lists = (self.row_source, self.row_activation, self.sum_source, self.output_slot)
        return (*lists, self.num_sums, self.num_rows)


@in_32_bits
def stack_networks(networks: Sequence[Network]) -> Network:
    """One batch of networks of different sizes.

    Args:
        networks: compiled networks with the same numbers of inputs and outputs.

    Returns:
        A batch [P], each padded to the largest.
    """
    specs = [network.spec for network in networks]
    spec = dataclasses.replace(
        specs[0],
        max_input_sums=max(spec.max_input_sums for spec in specs),
        max_rows=max(spec.max_rows for spec in specs),
        max_connections=max(spec.max_connections for spec in specs),
    )
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *(_pad_network(network, spec) for network in networks))


def _pad_network(network: Network, spec: NetworkSpec) -> Network:
    """The same network in the larger lists of `spec`; row slots move up by the additional input sums."""
    old = network.spec
    shift = spec.first_row_slot - old.first_row_slot

    def slots(table):
        return jnp.where(table >= old.first_row_slot, table + shift, table)

    def connections(table):
        return jnp.where(table == old.max_connections, spec.max_connections, table)

    def pad(table, length, fill):
        width = [(0, length - table.shape[0])] + [(0, 0)] * (table.ndim - 1)
        return jnp.pad(table, width, constant_values=fill)

    return network.replace(
        sum_source=pad(network.sum_source, spec.max_input_sums, 0),
        sum_connection=pad(connections(network.sum_connection), spec.max_input_sums, spec.max_connections),
        row_source=pad(slots(network.row_source), spec.max_rows, 0),
        row_connection=pad(connections(network.row_connection), spec.max_rows, spec.max_connections),
        row_activation=pad(network.row_activation, spec.max_rows, SUM),
        output_slot=slots(network.output_slot),
        spec=spec,
    )
