"""What genomes compile to: rows in evaluation order, each live connection once, dead ones dropped, padding harmless."""

from collections import Counter
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.helpers import (
    FEW_INPUTS,
    LAYOUTS,
    MANY_INPUTS,
    PlainGenome,
    from_plain,
    individual,
    individuals,
    kernels,
    pool,
    random_dag,
    to_plain,
)
from tests.oracle import layers as oracle
from wann_jax.genomes.activation_ids import SUM
from wann_jax.genomes.genome import GenomeSpec, grow
from wann_jax.kernels.forward import forward
from wann_jax.networks.compiling import express
from wann_jax.networks.network import FIRST_INPUT_SLOT, ROW_WIDTH, NetworkSpec, stack_networks

jitted_forward = jax.jit(forward)


@cache
def _compiled(name):
    return jax.jit(lambda genome: express(genome))


@pytest.fixture(scope="module", params=["native", "xla"])
def express_one(request):
    """Both implementations, compiled, one after the other."""
    with kernels(request.param):
        yield _compiled(request.param)


def live_plan(spec, genome):
    """Live computed nodes of a genome and, per node, the numbers of its carrying connections, by their sources."""
    plain = to_plain(genome)
    live = oracle.live_nodes(plain.connections, spec.num_inputs, spec.num_outputs)
    incoming = {node: {} for node in sorted(live) if node >= spec.first_output}
    enabled = [(source, target) for source, target, is_enabled in plain.connections if is_enabled]
    for number, (source, target) in enumerate(enabled):
        if target in live:
            incoming[target][source] = number
    return plain, incoming, len(enabled)


def ceil_div(count, size):
    return -(-count // size)


@LAYOUTS
def test_rows_and_sums_are_as_many_as_the_live_nodes_need(express_one, spec):
    for genome in individuals(pool(spec)):
        network = express_one(genome)
        plain, incoming, num_enabled = live_plan(spec, genome)
        num_sums = num_rows = 0
        for sources in incoming.values():
            from_inputs = sum(source < spec.first_output for source in sources)
            node_sums = ceil_div(from_inputs, ROW_WIDTH) if spec is MANY_INPUTS else 0
            entries = node_sums + len(sources) - (from_inputs if spec is MANY_INPUTS else 0)
            num_sums += node_sums
            num_rows += 1 + ceil_div(max(entries - ROW_WIDTH, 0), ROW_WIDTH - 1)
        assert (int(network.num_sums), int(network.num_rows)) == (num_sums, num_rows)
        assert int(network.num_connections) == num_enabled
        activations = Counter(network.row_activation.tolist())
        activations.pop(SUM, None)
        assert activations == Counter(plain.activations[node] for node in incoming)


@LAYOUTS
def test_each_carrying_connection_is_listed_once_with_its_source(express_one, spec):
    for genome in individuals(pool(spec)):
        network = jax.tree.map(np.asarray, express_one(genome))
        _, incoming, _ = live_plan(spec, genome)
        net = NetworkSpec.of(spec)
        numbers = np.concatenate([network.sum_connection.ravel(), network.row_connection.ravel()])
        slots = np.concatenate([network.sum_source.ravel(), network.row_source.ravel()])
        listed = Counter(numbers[numbers < net.max_connections].tolist())
        assert listed == Counter(number for sources in incoming.values() for number in sources.values())
        source_of = {number: source for sources in incoming.values() for source, number in sources.items()}
        for number, slot in zip(numbers.tolist(), slots.tolist(), strict=True):
            if number < net.max_connections and source_of[number] < spec.first_output:
                assert slot == source_of[number] + 1


@LAYOUTS
def test_rows_read_only_earlier_slots_and_end_with_the_outputs(express_one, spec):
    net = NetworkSpec.of(spec)
    for genome in individuals(pool(spec)):
        network = jax.tree.map(np.asarray, express_one(genome))
        own_slot = net.first_row_slot + np.arange(int(network.num_rows))
        assert (network.row_source[: own_slot.size] < own_slot[:, None]).all()
        assert (network.sum_source < net.first_sum_slot).all()
        assert not network.row_source[own_slot.size :].any()  # padding reads the constant zero
        assert not network.sum_source[int(network.num_sums) :].any()
        assert network.output_slot[-1] == own_slot[-1]
        assert (np.diff(network.output_slot) > 0).all()


@pytest.mark.parametrize("shape", ["few", "many", "outputs", "thin"])
def test_lists_hold_full_tables(express_one, shape):
    """With every table of the genome full, the sizes that NetworkSpec.of derives are enough."""
    num_inputs, num_outputs, num_hidden = 6 if shape == "few" else 40, 3, 9
    loose = GenomeSpec(num_inputs, num_outputs, 1 + num_inputs + num_outputs + num_hidden, 999, (1, 5))
    activations, connections = random_dag(loose, num_hidden, float(shape != "outputs"), 0, 1.0)
    if shape == "thin":  # one input for each node: as many sums as nodes
        computed, hidden = range(loose.first_output, loose.max_nodes), range(loose.num_fixed, loose.max_nodes)
        connections = [(1, node, True) for node in computed] + [(node, loose.first_output, True) for node in hidden]
    plain = PlainGenome(activations, [(source, target, True) for source, target, _ in connections])
    spec = GenomeSpec(num_inputs, num_outputs, loose.max_nodes, len(connections), (1, 5))
    genome = from_plain(spec, plain)
    network = express_one(genome)
    assert int(network.num_rows) <= network.spec.max_rows
    assert int(network.num_sums) <= network.spec.max_input_sums
    carried = np.concatenate([network.sum_connection.ravel(), network.row_connection.ravel()])
    assert (carried < len(connections)).sum() == sum(map(len, live_plan(spec, genome)[1].values()))


def test_slots_are_bias_inputs_sums_rows():
    few, many = NetworkSpec.of(FEW_INPUTS), NetworkSpec.of(MANY_INPUTS)
    assert few.max_input_sums == 0
    assert many.max_input_sums > 0
    for net, spec in ((few, FEW_INPUTS), (many, MANY_INPUTS)):
        assert net.first_sum_slot == FIRST_INPUT_SLOT + spec.num_inputs
        assert net.first_row_slot == net.first_sum_slot + net.max_input_sums
        assert net.num_slots == net.first_row_slot + net.max_rows


def test_a_grown_genome_compiles_to_the_same_network(express_one):
    spec, larger = MANY_INPUTS, GenomeSpec.for_task(40, 5, MANY_INPUTS.hidden_activations, 120)
    inputs = jnp.asarray(np.random.default_rng(0).normal(size=(6, 40)), jnp.float32)
    for index in (4, 9):
        genome = individual(pool(spec), index)
        small, large = express_one(genome), express_one(grow(genome, larger))
        expected = jitted_forward(small, jnp.float32(0.7), inputs)
        np.testing.assert_allclose(jitted_forward(large, jnp.float32(0.7), inputs), expected, rtol=1e-6, atol=1e-6)
        for name in ("num_sums", "num_rows", "num_connections"):
            assert int(getattr(small, name)) == int(getattr(large, name))


@LAYOUTS
def test_stacked_networks_of_different_sizes_keep_their_outputs(express_one, spec):
    inputs = jnp.asarray(np.random.default_rng(1).normal(size=(6, spec.num_inputs)), jnp.float32)
    networks = []
    for num_hidden in (3, 25):
        own = GenomeSpec.for_task(spec.num_inputs, spec.num_outputs, (1, 4, 5), 4 * num_hidden)
        plain = random_dag(own, num_hidden, 0.1, num_hidden, 0.5, own.hidden_activations)
        networks.append(express_one(from_plain(own, plain)))
    stacked = jax.jit(stack_networks)(networks)
    assert stacked.num_connections.tolist() == [int(network.num_connections) for network in networks]
    for index, network in enumerate(networks):
        padded = individual(stacked, index)
        assert padded.spec.num_slots > networks[0].spec.num_slots
        # A weight of its own for each connection: their order must survive, too.
        weights = jnp.asarray(np.linspace(-1, 1, stacked.spec.max_connections), jnp.float32)
        expected = jitted_forward(network, weights, inputs)
        np.testing.assert_allclose(jitted_forward(padded, weights, inputs), expected, rtol=1e-5, atol=1e-6)
