"""The genome: gene tables that mutation changes and files keep.

Goes in: sizes (`GenomeSpec`). Comes out: `Genome`, padded tables whose live genes fill a prefix, so that a count
is the mask. Node slots are, in this order: bias, inputs, outputs, hidden nodes in order of birth. Genes are never
deleted: splitting a connection disables it.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array, lax
from jaxtyping import Bool, Float, Int, Key

from wann_jax.errors import require
from wann_jax.genomes.activation_ids import ABS, ACTIVATION_NAMES, INVERSE, LINEAR, RELU
from wann_jax.showing import html_of

# Outputs share the last layer; hidden layers count up from 1 and stay far below it.
OUTPUT_LAYER = 1 << 14
# Depths of inputs and outputs are 0 and this; a node born between two others lies half-way.
OUTPUT_DEPTH = 1 << 30
MIN_HIDDEN_CAPACITY = 32
# A search grows about 2.8 connections for each hidden node at the published rates.
CONNECTIONS_PER_HIDDEN = 4
# What hidden nodes of graded genomes may be (graded.py): a factor passes through; through the latter if it is positive.
AT_ANY_DEPTH = (LINEAR, INVERSE)
AT_EVEN_DEPTHS = (ABS, RELU)
MAX_GRADED_DEPTH = 16  # 0.01^16 is a number in 32 bits still
GRADED_RULE = f"0 (not graded) or an even number up to {MAX_GRADED_DEPTH}"


@dataclasses.dataclass(frozen=True)
class GenomeSpec:
    """Static sizes of a genome's tables. Hashable, so that a compiled program is one per spec."""

    num_inputs: int
    num_outputs: int
    max_nodes: int  # N, bias and inputs and outputs included
    max_connections: int  # E
    hidden_activations: tuple[int, ...]  # ids that a hidden node may have
    output_activation: int = 1  # id; linear, as in the original
    is_ordered: bool = False  # connections go up in node_depth, an order that all genomes share: crossover needs it
    graded_depth: int = 0  # connections on every path to an output, in a graded genome (graded.py); 0: any

    @classmethod
    def for_task(
        cls,
        num_inputs: int,
        num_outputs: int,
        hidden_activations: tuple[int, ...],
        hidden_capacity: int,
        is_ordered: bool = False,
        graded_depth: int = 0,
    ) -> "GenomeSpec":
        """The spec whose tables hold all input-output connections and `hidden_capacity` hidden nodes, or more if the
        first genomes need more.

        Of `hidden_activations`, graded genomes have those that are fit for them.
        """
        if graded_depth:
            fit = AT_ANY_DEPTH + AT_EVEN_DEPTHS
            hidden_activations = tuple(kind for kind in hidden_activations if kind in fit)
            hidden_capacity = max(hidden_capacity, graded_depth * num_outputs)
        return cls(
            is_ordered=is_ordered,
            graded_depth=graded_depth,
            num_inputs=num_inputs,
            num_outputs=num_outputs,
            max_nodes=1 + num_inputs + num_outputs + hidden_capacity,
            max_connections=(1 + num_inputs) * num_outputs + CONNECTIONS_PER_HIDDEN * hidden_capacity,
            hidden_activations=hidden_activations,
        )

    def __post_init__(self) -> None:
        require(self.num_inputs > 0, "genome.num_inputs", "at least 1", self.num_inputs)
        require(self.num_outputs > 0, "genome.num_outputs", "at least 1", self.num_outputs)
        require(self.max_nodes >= self.num_fixed, "genome.max_nodes", f"at least {self.num_fixed}", self.max_nodes)
        require(self.max_connections > 0, "genome.max_connections", "at least 1", self.max_connections)
        # express sorts connections by keys below 2 N E, which must fit an int32.
        size = 2 * self.max_nodes * self.max_connections
        require(size < 2**31, "genome.max_nodes * genome.max_connections", "below 2**30", size // 2)
        require(self.max_nodes < OUTPUT_LAYER, "genome.max_nodes", f"below {OUTPUT_LAYER}", self.max_nodes)
        require(is_graded_depth(self.graded_depth), "genome.graded_depth", GRADED_RULE, self.graded_depth)
        if self.graded_depth:
            kinds = {*self.hidden_activations}
            fits = bool(kinds & {*AT_ANY_DEPTH}) and kinds <= {*AT_ANY_DEPTH, *AT_EVEN_DEPTHS}
            names = [ACTIVATION_NAMES[kind] for kind in sorted(kinds)]
            rule = "linear, inverse, abs or relu, and one of the first two, in a graded genome"
            require(fits, "genome.hidden_activations", rule, names)

    @property
    def first_output(self) -> int:
        """Slot of the first output node."""
        return 1 + self.num_inputs

    @property
    def num_fixed(self) -> int:
        """Number of nodes that every genome has: bias, inputs, outputs."""
        return 1 + self.num_inputs + self.num_outputs

    @property
    def num_chained(self) -> int:
        """Number of hidden nodes that every genome of a graded search begins with: a chain before each output."""
        return max(self.graded_depth - 1, 0) * self.num_outputs

    @property
    def max_hidden(self) -> int:
        """H, capacity for hidden nodes."""
        return self.max_nodes - self.num_fixed


def is_graded_depth(value: int) -> bool:
    """Whether a number follows GRADED_RULE."""
    return value % 2 == 0 and 0 <= value <= MAX_GRADED_DEPTH


def prefix_mask(count: Int[Array, "*P"], size: int) -> Bool[Array, "*P n"]:
    """True at the first `count` of `size` slots."""
    slots = lax.broadcasted_iota(jnp.int32, (*count.shape, size), count.ndim)
    return slots < count[..., None]


class Genome(struct.PyTreeNode):
    """One individual; a population is the same class with a leading P axis. It carries its sizes, `spec`.

    `node_layer` is the longest path from the inputs, disabled connections included (inputs 0, outputs
    `OUTPUT_LAYER`). It could be derived, but only adding a node ever changes it, and then only downstream:
    keeping it spares every generation a fixed-point iteration over all connections, twice.
    `node_depth` is where a node was born between the ends of the connection that it split. It never changes, so it
    means the same in all genomes that carry the node; where the spec is ordered, every connection goes up in it.
    """

    node_activation: Int[Array, "*P N"]  # activation id
    node_mark: Int[Array, "*P N"]  # historical mark: drawn once at birth, unique in a run
    node_layer: Int[Array, "*P N"]
    node_depth: Int[Array, "*P N"]  # inputs 0, outputs OUTPUT_DEPTH
    conn_source: Int[Array, "*P E"]  # node slot
    conn_target: Int[Array, "*P E"]  # node slot
    conn_enabled: Bool[Array, "*P E"]  # False once split by add_node, until re-enabled
    num_nodes: Int[Array, "*P"]
    num_connections: Int[Array, "*P"]  # connection genes, disabled ones included
    spec: GenomeSpec = struct.field(pytree_node=False)

    _repr_html_ = html_of

    @property
    def node_mask(self) -> Bool[Array, "*P N"]:
        """True at live node slots."""
        return prefix_mask(self.num_nodes, self.spec.max_nodes)

    @property
    def conn_mask(self) -> Bool[Array, "*P E"]:
        """True at live connection slots, disabled ones included."""
        return prefix_mask(self.num_connections, self.spec.max_connections)

    @property
    def enabled_mask(self) -> Bool[Array, "*P E"]:
        """True at live, enabled connection slots."""
        return self.conn_mask & self.conn_enabled

    @property
    def num_hidden(self) -> Int[Array, "*P"]:
        """Number of hidden nodes."""
        return self.num_nodes - self.spec.num_fixed

    @property
    def num_enabled(self) -> Int[Array, "*P"]:
        """Number of enabled connections: the objective of simplicity."""
        return self.enabled_mask.sum(-1, dtype=jnp.int32)


def initial_genome(key: Key[Array, ""], spec: GenomeSpec, enabled_probability: Float[Array, ""] | float) -> Genome:
    """A first-generation genome: every bias/input -> output connection, each enabled with the given probability.

    Consumes `key`. All activations are the output activation (linear). Source: the original's initial population.
    """
    num_sources, num_outputs = 1 + spec.num_inputs, spec.num_outputs
    num_genes = num_sources * num_outputs
    pad = spec.max_connections - num_genes
    source, target = np.meshgrid(np.arange(num_sources), spec.first_output + np.arange(num_outputs), indexing="ij")
    layer, depth = np.zeros((2, spec.max_nodes), np.int32)
    layer[spec.first_output : spec.num_fixed] = OUTPUT_LAYER
    depth[spec.first_output : spec.num_fixed] = OUTPUT_DEPTH
    slot = np.arange(spec.max_nodes)
    is_fixed = slot < spec.num_fixed
    enabled = jax.random.bernoulli(key, jnp.float32(enabled_probability), (num_genes,))
    return Genome(
        node_activation=jnp.asarray(np.where(is_fixed, spec.output_activation, 0), jnp.int32),
        node_mark=jnp.asarray(np.where(is_fixed, slot, 0), jnp.int32),
        node_layer=jnp.asarray(layer),
        node_depth=jnp.asarray(depth),
        conn_source=jnp.asarray(np.pad(source.ravel(), (0, pad)), jnp.int32),
        conn_target=jnp.asarray(np.pad(target.ravel(), (0, pad)), jnp.int32),
        conn_enabled=jnp.pad(enabled, (0, pad)),
        num_nodes=jnp.int32(spec.num_fixed),
        num_connections=jnp.int32(num_genes),
        spec=spec,
    )


def grow(genome: Genome, spec: GenomeSpec) -> Genome:
    """The same genes in the larger tables of `spec`; any leading axes."""
    more_nodes = spec.max_nodes - genome.spec.max_nodes
    more_connections = spec.max_connections - genome.spec.max_connections
    require(more_nodes >= 0 and more_connections >= 0, "spec", "no smaller than the genome's tables", spec)

    def pad(table, count):
        return jnp.pad(table, [(0, 0)] * (table.ndim - 1) + [(0, count)])

    return genome.replace(
        node_activation=pad(genome.node_activation, more_nodes),
        node_mark=pad(genome.node_mark, more_nodes),
        node_layer=pad(genome.node_layer, more_nodes),
        node_depth=pad(genome.node_depth, more_nodes),
        conn_source=pad(genome.conn_source, more_connections),
        conn_target=pad(genome.conn_target, more_connections),
        conn_enabled=pad(genome.conn_enabled, more_connections),
        spec=spec,
    )
