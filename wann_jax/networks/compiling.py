"""From genomes to networks: topological order, dead nodes dropped, in-neighbour lists laid out in rows.

In: a genome (vmap over a population). Out: a network (network.py tells what its tables mean). Written twice: in JAX,
which is the reference and what accelerators run, and natively (kernels/native/express.cc) for CPU. Both give the
same, to the bit.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Int

from wann_jax.genomes import activation_ids
from wann_jax.genomes.activation_ids import SUM
from wann_jax.genomes.genome import Genome
from wann_jax.genomes.graph import live_nodes
from wann_jax.native import Library, numbers
from wann_jax.networks import network
from wann_jax.networks.network import Network, NetworkSpec
from wann_jax.strictness import in_32_bits

EXPRESS = Library(
    "express",
    "wann_express",
    "wann_express_connections",
    seconds=4,
    constants=lambda: numbers(network, activation_ids),
)


@in_32_bits
def express(genome: Genome) -> Network:
    """Compiles a genome to a network.

    Nodes from which no path of enabled connections leads to an output are dropped, disabled connections carry nothing.

    Args:
        genome: one genome; vmap over a population.

    Returns:
        The network. Its connections are numbered in table order, disabled ones left out: the order of a weight vector.
    """
    if not EXPRESS.ready():
        return _express_by_xla(genome)
    return lax.platform_dependent(genome, cpu=_express_natively, default=_express_by_xla)


def _express_natively(genome: Genome) -> Network:
    spec = genome.spec
    net = NetworkSpec.of(spec)
    sums, rows = (net.max_input_sums, net.row_width), (net.max_rows, net.row_width)

    def call(target, *shapes):
        return EXPRESS.call(
            target,
            [jax.ShapeDtypeStruct(shape, jnp.int32) for shape in shapes],
            genome.node_activation,
            genome.node_layer,
            genome.conn_source,
            genome.conn_target,
            genome.conn_enabled,
            genome.num_nodes,
            genome.num_connections,
            num_inputs=spec.num_inputs,
            num_outputs=spec.num_outputs,
            vmap_method="broadcast_all",
        )

    sum_source, row_source, row_activation, output_slot, num_sums, num_rows, num_connections = call(
        "wann_express", sums, rows, rows[:1], (spec.num_outputs,), (), (), ()
    )
    # Two calls, so that the tables which only `forward` reads are left out of programs that do not use them.
    sum_connection, row_connection = call("wann_express_connections", sums, rows)
    return Network(
        sum_source=sum_source,
        sum_connection=sum_connection,
        row_source=row_source,
        row_connection=row_connection,
        row_activation=row_activation,
        output_slot=output_slot,
        num_sums=num_sums,
        num_rows=num_rows,
        num_connections=num_connections,
        spec=net,
    )


def _express_by_xla(genome: Genome) -> Network:
    spec = genome.spec
    net = NetworkSpec.of(spec)
    order = evaluation_order(genome)
    listed = _list_connections(genome, order, net)
    rows = _lay_out_rows(listed, order, net)
    sum_source, sum_connection, row_source, row_connection = _fill_lists(genome, order, listed, rows, net)
    node = order.node.at[rows.ends].get(mode="fill", fill_value=spec.max_nodes)
    outputs = spec.first_output + jnp.arange(spec.num_outputs)
    return Network(
        sum_source=sum_source,
        sum_connection=sum_connection,
        row_source=row_source,
        row_connection=row_connection,
        row_activation=genome.node_activation.at[node].get(mode="fill", fill_value=SUM),
        output_slot=net.first_row_slot + rows.last_row[order.place[outputs]],
        num_sums=rows.num_sums,
        num_rows=rows.num_rows,
        num_connections=genome.num_enabled,
        spec=net,
    )


class EvaluationOrder(NamedTuple):
    """Topological order of the live computed nodes; N stands for "none" in both directions."""

    node: Int[Array, "N"]  # slot of the node at each place
    place: Int[Array, "N"]  # place of the node in each slot
    num_computed: Int[Array, ""]


def evaluation_order(genome: Genome) -> EvaluationOrder:
    """Orders live hidden nodes by layer, then birth; outputs come last, in their own order."""
    spec = genome.spec
    slot = jnp.arange(spec.max_nodes)
    is_computed = (slot >= spec.first_output) & genome.node_mask & live_nodes(genome)
    last = jnp.iinfo(jnp.int32).max
    key = lax.sort(jnp.where(is_computed, genome.node_layer * spec.max_nodes + slot, last), is_stable=False)
    node = jnp.where(key < last, key % spec.max_nodes, spec.max_nodes)
    place = jnp.full(spec.max_nodes, spec.max_nodes).at[node].set(slot, mode="drop")
    return EvaluationOrder(node, place, is_computed.sum())


class _Listed(NamedTuple):
    """Connections sorted by their target's place, each node's summed inputs first, then table order."""

    conn: Int[Array, "E"]  # index into the genome's table
    active: Bool[Array, "E"]  # enabled, from a source that is there to a live target
    place: Int[Array, "E"]  # of the target
    to_sum: Bool[Array, "E"]  # goes into an input sum
    rank: Int[Array, "E"]  # among its target's summed inputs, or among its other sources
    num_summed: Int[Array, "N"]  # per place
    num_others: Int[Array, "N"]  # per place


def _list_connections(genome: Genome, order: EvaluationOrder, net: NetworkSpec) -> _Listed:
    spec = genome.spec
    max_nodes, max_connections = spec.max_nodes, spec.max_connections
    from_input = genome.conn_source < spec.first_output
    target_place = order.place[genome.conn_target]
    source_is_there = from_input | (order.place[genome.conn_source] < max_nodes)
    active = genome.enabled_mask & (target_place < max_nodes) & source_is_there
    to_sum = from_input & (net.max_input_sums > 0)
    # One packed key instead of an argsort, which costs several times as much. The last group belongs to no node:
    # bias and inputs are not computed, so there are fewer places than N.
    last_group = 2 * max_nodes - 1
    group = jnp.where(active, 2 * target_place + (~to_sum).astype(jnp.int32), last_group)
    index = jnp.arange(max_connections)
    key = lax.sort(group * max_connections + index, is_stable=False)
    conn, group = key % max_connections, key // max_connections
    active = active[conn]
    counts = jnp.zeros(2 * max_nodes, jnp.int32).at[group].add(active.astype(jnp.int32))
    num_summed, num_others = counts.reshape(max_nodes, 2).T
    return _Listed(
        conn, active, group // 2, to_sum[conn], index - exclusive_cumsum(counts)[group], num_summed, num_others
    )


class _Rows(NamedTuple):
    """How many input sums and rows each computed node (by place) needs and where they begin."""

    num_node_sums: Int[Array, "N"]
    first_sum: Int[Array, "N"]
    first_row: Int[Array, "N"]
    last_row: Int[Array, "N"]  # the node's value; max_rows where there is no node
    ends: Int[Array, "M"]  # place of the node whose last row it is; N: of none
    num_sums: Int[Array, ""]
    num_rows: Int[Array, ""]


def _lay_out_rows(listed: _Listed, order: EvaluationOrder, net: NetworkSpec) -> _Rows:
    width = net.row_width
    num_node_sums = -(-listed.num_summed // width)
    spilled = jnp.maximum(num_node_sums + listed.num_others - width, 0)
    places = jnp.arange(order.node.shape[0])
    is_node = places < order.num_computed
    num_node_rows = jnp.where(is_node, 1 + -(-spilled // (width - 1)), 0)
    first_row = exclusive_cumsum(num_node_rows)
    last_row = jnp.where(is_node, first_row + num_node_rows - 1, net.max_rows)
    return _Rows(
        num_node_sums=num_node_sums,
        first_sum=exclusive_cumsum(num_node_sums),
        first_row=first_row,
        last_row=last_row,
        ends=jnp.full(net.max_rows, places.size).at[last_row].set(places, mode="drop"),
        num_sums=num_node_sums.sum(),
        num_rows=num_node_rows.sum(),
    )


def _fill_lists(
    genome: Genome, order: EvaluationOrder, listed: _Listed, rows: _Rows, net: NetworkSpec
) -> tuple[Array, Array, Array, Array]:
    """The four tables: slots and connection numbers of input sums and of rows."""
    spec = genome.spec
    width, none = net.row_width, spec.max_connections
    source = genome.conn_source[listed.conn]
    node_slot = net.first_row_slot + rows.last_row[order.place.at[source].get(mode="clip")]
    slot = jnp.where(source < spec.first_output, source + 1, node_slot)
    number = exclusive_cumsum(genome.enabled_mask.astype(jnp.int32))[listed.conn]

    sum_row = rows.first_sum[listed.place] + listed.rank // width
    in_sum = listed.active & listed.to_sum
    sum_at = jnp.where(in_sum, sum_row * width + listed.rank % width, net.max_input_sums * width)

    # A node's list names its input sums first (each on behalf of its first connection), then its other sources.
    names_sum = in_sum & (listed.rank % width == 0)
    entry = jnp.where(names_sum, listed.rank // width, rows.num_node_sums[listed.place] + listed.rank)
    spill = jnp.maximum(entry - width, 0)
    row = rows.first_row[listed.place] + jnp.where(entry < width, 0, 1 + spill // (width - 1))
    column = jnp.where(entry < width, entry, 1 + spill % (width - 1))
    in_row = names_sum | (listed.active & ~listed.to_sum)
    row_at = jnp.where(in_row, row * width + column, net.max_rows * width)
    row_slot = jnp.where(names_sum, net.first_sum_slot + sum_row, slot)

    def table(length, fill, at, values):
        return jnp.full(length * width, fill, jnp.int32).at[at].set(values, mode="drop").reshape(length, width)

    # Every row but a node's first continues the row before it.
    row_index = jnp.arange(net.max_rows)
    begins = jnp.pad(rows.ends[:-1] < spec.max_nodes, (1, 0), constant_values=True)
    continues = ~begins & (row_index < rows.num_rows)
    carries = continues[:, None] & (jnp.arange(width) == 0)[None]
    carried = (net.first_row_slot + row_index - 1)[:, None]
    return (
        table(net.max_input_sums, 0, sum_at, slot),
        table(net.max_input_sums, none, sum_at, number),
        jnp.where(carries, carried, table(net.max_rows, 0, row_at, row_slot)),
        table(net.max_rows, none, row_at, jnp.where(names_sum, none, number)),
    )


def exclusive_cumsum(counts: Int[Array, "n"]) -> Int[Array, "n"]:
    """Sum of all earlier entries."""
    return jnp.cumsum(counts) - counts
