"""Exactly weight agnostic networks: what the grading says is what `forward` does, at every weight."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wann_jax as wann
from tests.helpers import ALL_ACTIVATIONS, individual, random_genomes
from wann_jax.errors import ConfigError
from wann_jax.genomes.activation_ids import ABS, INVERSE, LINEAR, RELU, SIGMOID, STEP
from wann_jax.genomes.building import build_genome
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.genomes.grading import Factor, grading_of, is_graded, lifted, saturated

WEIGHTS = [-2.0, -0.7, -0.1, 0.01, 0.3, 1.3, 2.0]
NUM_INPUTS, NUM_OUTPUTS = 3, 2
SIZES = (NUM_INPUTS, NUM_OUTPUTS)
FIRST_HIDDEN = 1 + NUM_INPUTS + NUM_OUTPUTS


def random_graded(seed, num_hidden=14):
    """Nodes choose sources of one factor, and an activation that this factor passes through."""
    random = np.random.default_rng(seed)
    factors = dict.fromkeys(range(1 + NUM_INPUTS), (0, False))
    activations, pairs = [], []
    for node in range(FIRST_HIDDEN, FIRST_HIDDEN + num_hidden):
        factor = list(factors.values())[random.integers(len(factors))]
        sources = [source for source, other in factors.items() if other == factor]
        chosen = random.choice(sources, min(len(sources), random.integers(1, 4)), replace=False)
        kinds = [LINEAR, INVERSE, ABS] + ([RELU, STEP] if factor[1] else [])
        kind = int(random.choice(kinds))
        activations.append(kind)
        pairs += [(int(source), node) for source in chosen]
        depth, is_signed = factor[0] + 1, not factor[1] and kind != ABS
        factors[node] = (0, False) if kind == STEP else (depth, is_signed)
    # Outputs are linear, and read what has the sign of w: the factor of most nodes.
    signed = [factor for factor in factors.values() if factor[1]]
    wanted = max(signed, key=signed.count)
    sources = [source for source, factor in factors.items() if factor == wanted]
    for output in range(1 + NUM_INPUTS, FIRST_HIDDEN):
        chosen = random.choice(sources, random.integers(1, len(sources) + 1), replace=False)
        pairs += [(int(source), output) for source in chosen]
    marks = list(range(FIRST_HIDDEN, FIRST_HIDDEN + num_hidden))
    genome = build_genome("made up", SIZES, [LINEAR] * NUM_OUTPUTS + activations, marks, pairs, [])
    return genome, wanted[0] + 1


@pytest.mark.parametrize("seed", range(12))
def test_outputs_of_graded_networks_are_a_power_of_the_weight_times_one_function(seed):
    genome, depth = random_graded(seed)
    grading = grading_of(genome)
    assert (grading.fault, grading.output) == ("", Factor(depth, False))
    assert is_graded(genome)
    network, inputs = wann.express(genome), np.random.default_rng(seed).normal(size=(50, NUM_INPUTS))
    inputs = inputs.astype(np.float32)
    at_one = np.asarray(wann.forward(network, 1.0, inputs))
    for weight in WEIGHTS:
        found = np.asarray(wann.forward(network, weight, inputs)) / abs(weight) ** depth
        np.testing.assert_allclose(found, at_one, rtol=2e-5, atol=2e-5 * max(1.0, np.abs(at_one).max()))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_what_is_called_graded_gives_one_class_at_every_weight(seed):
    """Random networks of the graded activations, most of them not graded."""
    random = np.random.default_rng(seed)
    num_hidden = int(random.integers(0, 4))
    nodes = [*range(1 + NUM_INPUTS), *range(FIRST_HIDDEN, FIRST_HIDDEN + num_hidden)]
    pairs = set()
    for target in [*range(FIRST_HIDDEN, FIRST_HIDDEN + num_hidden), *range(1 + NUM_INPUTS, FIRST_HIDDEN)]:
        before = [node for node in nodes if node < target or target < FIRST_HIDDEN]
        pairs |= {(int(source), target) for source in random.choice(before, random.integers(1, 3), replace=False)}
    kinds = random.choice([LINEAR, INVERSE, ABS, RELU, STEP], num_hidden).tolist()
    marks = list(range(FIRST_HIDDEN, FIRST_HIDDEN + num_hidden))
    genome = build_genome("made up", SIZES, [LINEAR] * NUM_OUTPUTS + kinds, marks, sorted(pairs), [])
    grading = grading_of(genome)
    if grading.fault:
        return
    depth = grading.output.depth if grading.output else 0
    network, inputs = wann.express(genome), random.normal(size=(20, NUM_INPUTS)).astype(np.float32)
    at_one = np.asarray(wann.forward(network, 1.0, inputs))
    for weight in (-1.5, -0.25, 0.5, 3.0):
        found = np.asarray(wann.forward(network, weight, inputs)) / abs(weight) ** depth
        np.testing.assert_allclose(found, at_one, rtol=2e-5, atol=2e-5 * max(1.0, np.abs(at_one).max()))


HIDDEN = FIRST_HIDDEN  # the first one
OUT = 1 + NUM_INPUTS


@pytest.mark.parametrize(
    ("kinds", "pairs", "words"),
    [
        ([], [(1, OUT)], "output 4 changes its sign with the weight (sign(w) |w|^1)"),
        (
            [SIGMOID],
            [(1, HIDDEN), (HIDDEN, OUT)],
            "node 6 is sigmoid; a factor passes through linear, inverse, abs, relu and step only",
        ),
        (
            [LINEAR],
            [(1, HIDDEN), (HIDDEN, OUT), (2, OUT)],
            "node 4 adds up node 2 (|w|^0) and node 6 (sign(w) |w|^1)",
        ),
        (
            [RELU],
            [(1, HIDDEN), (HIDDEN, OUT)],
            "node 6 is relu of what changes its sign with the weight (node 1, |w|^0, times w)",
        ),
        (
            [STEP],
            [(1, HIDDEN), (HIDDEN, OUT)],
            "node 6 is step of what changes its sign with the weight (node 1, |w|^0, times w)",
        ),
        (
            [LINEAR, LINEAR, LINEAR],
            [
                *((1, HIDDEN), (HIDDEN, OUT), (HIDDEN, HIDDEN + 1)),
                *((HIDDEN + 1, HIDDEN + 2), (HIDDEN + 2, OUT + 1)),
            ],
            "outputs 4 and 5 grow unlike each other (|w|^2 and |w|^4)",
        ),
    ],
)
def test_the_first_fault_is_named(kinds, pairs, words):
    marks = list(range(HIDDEN, HIDDEN + len(kinds)))
    genome = build_genome("made up", SIZES, [LINEAR] * NUM_OUTPUTS + kinds, marks, pairs, [])
    grading = grading_of(genome)
    assert (grading.fault, grading.output) == (words, None)
    assert not is_graded(genome)


def test_dead_nodes_and_disabled_connections_make_no_difference():
    pairs = [(1, HIDDEN), (HIDDEN, OUT), (2, HIDDEN + 1)]
    kinds, marks = [LINEAR] * NUM_OUTPUTS + [LINEAR, SIGMOID], [HIDDEN, HIDDEN + 1]
    genome = build_genome("made up", SIZES, kinds, marks, pairs, [(3, OUT)])
    grading = grading_of(genome)
    assert (grading.fault, grading.output) == ("", (2, False))
    assert grading.factors == {0: (0, False), 1: (0, False), 2: (0, False), 3: (0, False), 4: (2, False), 6: (1, True)}


def test_networks_of_the_zoo_are_not_graded():
    assert {name for name in ("swingup52", "mnist", "digits") if is_graded(wann.load_genome(name))} == set()


class TestLift:
    @pytest.mark.parametrize("works_at_negative", [False, True])
    @pytest.mark.parametrize("seed", range(3))
    def test_it_computes_at_both_signs_what_it_computed_at_the_square(self, seed, works_at_negative):
        spec = GenomeSpec.for_task(NUM_INPUTS, NUM_OUTPUTS, ALL_ACTIVATIONS, 16)
        genome = individual(random_genomes(spec, [20], seed), 0)
        lift = lifted(genome, works_at_negative)
        inputs = np.random.default_rng(seed).normal(size=(30, NUM_INPUTS)).astype(np.float32)
        old, new = wann.express(genome), wann.express(lift)
        for weight in (0.5, 1.25):
            wanted = np.asarray(wann.forward(old, -(weight**2) if works_at_negative else weight**2, inputs))
            for sign in (-1.0, 1.0):
                found = np.asarray(wann.forward(new, sign * weight, inputs))
                close = np.isclose(found, wanted, rtol=1e-3, atol=1e-3)
                assert close.mean() > 0.95  # but for steps and sines that rounding decides

    def test_it_adds_one_connection_for_each_source_in_use(self):
        genome = wann.load_genome("carracing")
        enabled = np.asarray(genome.enabled_mask)
        used = len(set(np.asarray(genome.conn_source)[enabled].tolist()))
        assert int(lifted(genome).num_enabled) == int(genome.num_enabled) + used == 135

    def test_a_network_without_connections_is_refused(self):
        genome = build_genome("made up", SIZES, [LINEAR] * NUM_OUTPUTS, [], [], [(1, OUT)])
        with pytest.raises(ConfigError, match="network must be one with connections; got 'none'"):
            lifted(genome)


class TestSaturated:
    @pytest.mark.parametrize("copies", [1, 3])
    def test_outputs_are_multiplied_by_copies_and_the_square(self, copies):
        spec = GenomeSpec.for_task(NUM_INPUTS, NUM_OUTPUTS, ALL_ACTIVATIONS, 16)
        genome = individual(random_genomes(spec, [20], 1), 0)
        old, new = wann.express(genome), wann.express(saturated(genome, copies))
        inputs = np.random.default_rng(0).normal(size=(30, NUM_INPUTS)).astype(np.float32)
        for weight in (-1.5, 0.5):
            wanted = copies * weight**2 * np.asarray(wann.forward(old, weight, inputs))
            np.testing.assert_allclose(wann.forward(new, weight, inputs), wanted, rtol=1e-3, atol=1e-3)

    def test_it_adds_two_connections_for_each_copy_and_output_in_use_and_leaves_a_network_graded(self):
        pairs = [(0, HIDDEN), (1, HIDDEN), (HIDDEN, OUT + 1)]
        genome = build_genome("made up", SIZES, [LINEAR] * (NUM_OUTPUTS + 1), [HIDDEN], pairs, [(2, OUT)])
        found = saturated(genome, 4)
        assert int(found.num_enabled) == 3 + 8
        assert grading_of(found).output == (4, False)

    @pytest.mark.parametrize(
        ("copies", "pairs", "words"),
        [
            (0, [(1, OUT)], "copies must be at least 1; got 0"),
            (2, [], "network must be one with connections into outputs; got 'none'"),
        ],
    )
    def test_what_cannot_be_is_refused(self, copies, pairs, words):
        genome = build_genome("made up", SIZES, [LINEAR] * NUM_OUTPUTS, [], pairs, [])
        with pytest.raises(ConfigError, match=words):
            saturated(genome, copies)


def test_random_weights_of_both_signs_cannot_tell_classes_apart():
    """Under weights that are as likely as their opposites, outputs are as likely as theirs: at most half is right.

    Source: flipping the signs of all connections into linear outputs keeps the distribution and turns each output
    round, so that a class that wins loses.
    """
    task = wann.make_task("digits")
    network = wann.load_network("digits")
    random = np.random.default_rng(0)
    inputs = jnp.asarray(task.inputs["validation"])
    plus = random.uniform(-2, 2, int(network.num_connections)).astype(np.float32)
    genome = wann.load_genome("digits")
    into_output = np.asarray(genome.conn_target)[np.asarray(genome.enabled_mask)] < genome.spec.num_fixed
    minus = np.where(into_output, -plus, plus)
    first, second = (np.asarray(wann.forward(network, vector, inputs)) for vector in (plus, minus))
    np.testing.assert_allclose(first, -second, rtol=1e-4, atol=1e-4)
    distinct = np.sort(first, -1)[:, -1] > np.sort(first, -1)[:, 0]
    both = (first.argmax(-1) == second.argmax(-1)) & distinct
    assert not both.any()
