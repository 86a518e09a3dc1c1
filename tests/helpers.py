"""Genomes for tests: random ones made by mutation, hand-made ones from plain lists, and the way back to lists."""

from collections import Counter
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from typing import NamedTuple
from unittest import mock

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.oracle.layers import longest_path_layers
from wann_jax import native
from wann_jax.genomes.genome import OUTPUT_DEPTH, OUTPUT_LAYER, Genome, GenomeSpec, initial_genome
from wann_jax.genomes.mutation import mutate
from wann_jax.kernels import choosing
from wann_jax.kernels.pallas import launching

ALL_ACTIVATIONS = tuple(range(1, 11))
GROWTH_RATES = (0.35, 0.3, 0.1, 0.25, 0.0)


_native_is_available = native.available  # as it is, whatever a test puts in its place


def native_runs() -> bool:
    """Whether programs use native code here: there is a compiler, and they run on a CPU."""
    return _native_is_available() and jax.default_backend() == "cpu"


@contextmanager
def kernels(name: str):
    """Programs traced inside use the kernels called `name`, on this machine.

    native (the test is skipped without a compiler), xla (for CPUs), accelerator (XLA's for
    those) or pallas, which CPUs interpret.
    """
    if name == "native" and not native_runs():
        pytest.skip("no C++ compiler, or programs run elsewhere")
    others, on_gpu = {"accelerator": choosing.XLA, "pallas": choosing.PALLAS}, jax.default_backend() == "gpu"
    with (
        mock.patch.object(native, "available", return_value=name == "native"),
        mock.patch.object(launching, "INTERPRET", name == "pallas" and not on_gpu),
        mock.patch.object(choosing, "_on_cpu", return_value=others[name]) if name in others else nullcontext(),
        mock.patch.object(choosing, "_on_cuda", return_value=others.get(name, choosing.XLA))
        if on_gpu
        else nullcontext(),
    ):
        yield


class PlainGenome(NamedTuple):
    """A genome as an oracle reads it: live entries only, plain Python numbers."""

    activations: list[int]  # of bias, inputs, outputs, hidden nodes
    connections: list[tuple[int, int, bool]]  # (source, target, enabled), in table order


def random_genomes(
    spec: GenomeSpec, num_mutations: list[int], seed: int, rates: tuple[float, ...] = GROWTH_RATES
) -> Genome:
    """A batch with one genome for each entry of `num_mutations`, grown from the start by that many mutations."""
    return _random_genomes(jax.random.key(seed), spec, jnp.asarray(num_mutations), jnp.asarray(rates))


@partial(jax.jit, static_argnames="spec")
def _random_genomes(key, spec, num_mutations, rates):
    def grow_one(key, count):
        start_key, mutation_key = jax.random.split(key)

        def change(index, genome):
            draws = jax.random.uniform(jax.random.fold_in(mutation_key, index), (3,))
            return mutate(draws, genome, jnp.where(index < count, rates, 0.0), spec.num_fixed + index).genome

        return lax.fori_loop(0, num_mutations.max(), change, initial_genome(start_key, spec, 0.7))

    return jax.vmap(grow_one)(jax.random.split(key, num_mutations.shape[0]), num_mutations)


def individual(genomes: Genome, index: int) -> Genome:
    """One genome of a batch."""
    return jax.tree.map(lambda table: table[index], genomes)


def individuals(genomes: Genome) -> list[Genome]:
    """All genomes of a batch, as NumPy arrays: much quicker to look at one by one."""
    host = jax.tree.map(np.asarray, genomes)
    return [individual(host, index) for index in range(host.num_nodes.shape[0])]


def stack(trees):
    """A batch from a list of equally shaped trees."""
    return jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *trees)


def repeat(tree, count: int):
    """A batch of `count` times the same tree."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), tree)


def to_plain(genome: Genome) -> PlainGenome:
    """The live part of one genome."""
    num_nodes, num_connections = int(genome.num_nodes), int(genome.num_connections)
    table = (genome.conn_source, genome.conn_target, genome.conn_enabled)
    columns = [np.asarray(column)[:num_connections].tolist() for column in table]
    return PlainGenome(np.asarray(genome.node_activation)[:num_nodes].tolist(), list(zip(*columns, strict=True)))


def from_plain(spec: GenomeSpec, plain: PlainGenome) -> Genome:
    """The padded genome of the given lists; layers by the oracle, marks by slot."""
    num_nodes, num_connections = len(plain.activations), len(plain.connections)
    layers = longest_path_layers(plain.connections, spec.num_inputs, spec.num_outputs, num_nodes, OUTPUT_LAYER)

    def table(values, length, dtype=np.int32):
        return jnp.asarray(np.pad(np.asarray(values, dtype), (0, length - len(values))))

    source, target, enabled = (list(column) for column in zip(*plain.connections, strict=True))
    return Genome(
        node_activation=table(plain.activations, spec.max_nodes),
        node_mark=table(range(num_nodes), spec.max_nodes),
        node_layer=table(layers, spec.max_nodes),
        node_depth=table([OUTPUT_DEPTH if layer == OUTPUT_LAYER else layer for layer in layers], spec.max_nodes),
        conn_source=table(source, spec.max_connections),
        conn_target=table(target, spec.max_connections),
        conn_enabled=table(enabled, spec.max_connections, bool),
        num_nodes=jnp.int32(num_nodes),
        num_connections=jnp.int32(num_connections),
        spec=spec,
    )


def random_dag(
    spec: GenomeSpec,
    num_hidden: int,
    density: float,
    seed: int,
    output_density: float | None = None,
    activations: tuple[int, ...] = ALL_ACTIVATIONS,
) -> PlainGenome:
    """A random acyclic genome made without the package: each possible connection exists with chance `density`.

    `output_density` holds for connections to outputs instead. Hidden slots are shuffled against the order of
    evaluation, and one connection in ten is disabled.
    """
    random = np.random.default_rng(seed)
    hidden = (spec.num_fixed + random.permutation(num_hidden)).tolist()
    sources = [*range(spec.first_output), *hidden]
    pairs = [(s, t) for place, s in enumerate(sources) for t in hidden[max(place + 1 - spec.first_output, 0) :]]
    to_outputs = [(s, t) for s in sources for t in range(spec.first_output, spec.num_fixed)]
    chosen = [pair for pair in pairs if random.random() < density]
    chosen += [pair for pair in to_outputs if random.random() < (density if output_density is None else output_density)]
    random.shuffle(chosen)
    fixed = [spec.output_activation] * spec.num_fixed
    return PlainGenome(
        fixed + random.choice(activations, num_hidden).tolist(),
        [(source, target, bool(random.random() < 0.9)) for source, target in chosen],
    )


# One spec for each layout of networks: rows read the inputs themselves, or shared sums of inputs.
FEW_INPUTS = GenomeSpec.for_task(5, 2, ALL_ACTIVATIONS, 64)
MANY_INPUTS = GenomeSpec.for_task(40, 5, ALL_ACTIVATIONS, 104)
LAYOUTS = pytest.mark.parametrize("spec", [FEW_INPUTS, MANY_INPUTS], ids=["few_inputs", "many_inputs"])
POOL_SIZE = 10


@cache
def pool(spec: GenomeSpec) -> Genome:
    """A batch of POOL_SIZE genomes from the simplest to dozens of hidden nodes.

    One has many dead nodes, the last ones have outputs with up to 46 or more sources.
    """
    grown = random_genomes(spec, [0, 3, 15, 40, 80, 110, 110], seed=3)
    # About three sources for each hidden node.
    made = ((20, 0.1), (30, 0.95), (48, 0.95))
    dags = [random_dag(spec, count, 3 / (spec.first_output + count / 2), count, outputs) for count, outputs in made]
    return stack(individuals(grown) + [from_plain(spec, plain) for plain in dags])


# For mutations: small, and a batch of genomes of all sizes that still have room.
SMALL_SPEC = GenomeSpec.for_task(num_inputs=3, num_outputs=2, hidden_activations=(1, 3, 5, 9), hidden_capacity=16)
NUM_PARENTS = 48
PAPER_RATES = (0.20, 0.25, 0.05, 0.50, 0.0)


@cache
def parents() -> Genome:
    """NUM_PARENTS genomes of SMALL_SPEC after 0 to 23 mutations."""
    return random_genomes(SMALL_SPEC, [index // 2 for index in range(NUM_PARENTS)], seed=1)


def assert_same(tree, other):
    """Two trees of the same structure hold equal arrays of the same types; keys are compared by their bits."""
    chex.assert_trees_all_equal(on_host(tree), on_host(other), strict=True)


def on_host(tree):
    """NumPy's copies of all arrays; of keys, their bits."""

    def copy(leaf):
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.array(jax.random.key_data(leaf) if is_key else leaf)

    return jax.tree.map(copy, tree)


def count(outcomes: list) -> dict:
    """How often each outcome occurs."""
    return dict(Counter(outcomes))


def assert_frequencies(counts: dict, probabilities: dict, total: int):
    """Each count is within five deviations of a binomial's mean, and nothing else occurs."""
    assert counts.keys() == probabilities.keys()
    for outcome, probability in probabilities.items():
        deviation = np.sqrt(total * probability * (1 - probability))
        assert abs(counts[outcome] - total * probability) <= 5 * deviation, outcome
