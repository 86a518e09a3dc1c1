"""Each mutation against a plain reading of what it may change; which one happens, and when none can."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from tests.helpers import (
    NUM_PARENTS,
    PAPER_RATES,
    SMALL_SPEC,
    PlainGenome,
    assert_frequencies,
    assert_same,
    count,
    from_plain,
    individuals,
    parents,
    repeat,
    to_plain,
)
from tests.oracle import layers as oracle
from wann_jax.genomes import change, mutation
from wann_jax.genomes.genome import OUTPUT_LAYER, GenomeSpec, grow, initial_genome
from wann_jax.genomes.graph import invariant_violations
from wann_jax.genomes.mutation import KINDS, MUTATIONS

MUTATION_NAMES = [each.name for each in MUTATIONS]
ADD_CONNECTION, ADD_NODE = KINDS["add_connection"], KINDS["add_node"]
ENABLE_CONNECTION, DISABLE_CONNECTION = KINDS["enable_connection"], KINDS["disable_connection"]
CHANGE_ACTIVATION = KINDS["change_activation"]
SPEC = SMALL_SPEC
MARK = 777
# A small genome with open pairs of every sort: to hidden nodes, between them, to outputs.
SMALL = PlainGenome(
    [1] * 6 + [3, 5, 9],
    [(0, 4, True), (1, 4, True), (2, 5, False), (1, 6, True), (6, 7, False), (7, 5, True), (2, 8, True), (8, 4, True)],
)
DRAWS = 4800


@jax.jit
def mutate_batch(seed, genomes, rates):
    """Every genome mutated once: genomes [NUM_PARENTS], rates [NUM_PARENTS, 5]."""
    draws = jax.random.uniform(jax.random.key(seed), (genomes.num_nodes.shape[0], 3))
    return jax.vmap(lambda draws, genome, rate: mutation.mutate(draws, genome, rate, jnp.int32(MARK)))(
        draws, genomes, rates
    )


def children(seed, genomes, rates):
    size = genomes.num_nodes.shape[0]
    return mutate_batch(seed, genomes, jnp.broadcast_to(jnp.asarray(rates, jnp.float32), (size, 5)))


def only(kind):
    return [float(kind == index) for index in range(5)]


def layers_of(plain, spec=SPEC):
    size = len(plain.activations)
    return oracle.longest_path_layers(plain.connections, spec.num_inputs, spec.num_outputs, size, OUTPUT_LAYER)


def difference(parent: PlainGenome, child: PlainGenome):
    """The kind of the one change between two genomes and its details; None: no change. Fails on any other change."""
    before, after = parent.connections, child.connections
    added, nodes = after[len(before) :], child.activations[len(parent.activations) :]
    kept = after[: len(before)]
    assert [connection[:2] for connection in kept] == [connection[:2] for connection in before]
    flipped = [slot for slot, (old, new) in enumerate(zip(before, kept, strict=True)) if old != new]
    old_nodes = child.activations[: len(parent.activations)]
    changed = [node for node, (a, b) in enumerate(zip(parent.activations, old_nodes, strict=True)) if a != b]
    match (len(added), len(nodes), len(flipped), len(changed)):
        case (0, 0, 0, 0):
            return None
        case (1, 0, 0, 0):
            source, target, enabled = added[0]
            assert enabled
            assert (source, target) in oracle.open_pairs(before, layers_of(parent))
            return ADD_CONNECTION, (source, target)
        case (2, 1, 1, 0):
            source, target, was_enabled = before[flipped[0]]
            assert was_enabled
            new = len(parent.activations)
            assert added == [(source, new, True), (new, target, True)]
            assert nodes[0] in SPEC.hidden_activations
            return ADD_NODE, (flipped[0], nodes[0])
        case (0, 0, 1, 0):
            return (DISABLE_CONNECTION if before[flipped[0]][2] else ENABLE_CONNECTION), flipped[0]
        case (0, 0, 0, 1):
            assert changed[0] >= SPEC.num_fixed
            assert child.activations[changed[0]] in SPEC.hidden_activations
            return CHANGE_ACTIVATION, (changed[0], child.activations[changed[0]])
    raise AssertionError(f"not one mutation: {len(added)=} {len(nodes)=} {flipped=} {changed=}")


def can_apply(plain: PlainGenome):
    """Which kinds have something to change, tables aside."""
    enabled = [is_enabled for _, _, is_enabled in plain.connections]
    return [
        bool(oracle.open_pairs(plain.connections, layers_of(plain))),
        any(enabled),
        not all(enabled),
        len(plain.activations) > SPEC.num_fixed,
        any(enabled),
    ]


@pytest.mark.parametrize("kind", range(5), ids=MUTATION_NAMES)
def test_a_child_differs_by_exactly_the_wanted_change(kind):
    genomes = parents()
    result = children(0, genomes, only(kind))
    happened = 0
    for index, (before, after) in enumerate(zip(individuals(genomes), individuals(result.genome), strict=True)):
        parent, child = to_plain(before), to_plain(after)
        found = difference(parent, child)
        assert (found is not None) == can_apply(parent)[kind]
        assert int(result.kind[index]) == (-1 if found is None else kind)
        assert found is None or found[0] == kind
        marks, depths = before.node_mark.copy(), before.node_depth.copy()
        if found and kind == ADD_NODE:
            new = int(before.num_nodes)
            marks[new], depths[new] = MARK, after.node_depth[new]
            (source, _, _), (_, target, _) = child.connections[-2:]
            low, rise = int(depths[source]), int(depths[target]) - int(depths[source])
            assert rise < 4 or low + rise // 4 <= depths[new] < low + rise - rise // 4
        # Nothing but the live genes, their layers and the new node's mark and depth is written.
        expected = from_plain(SPEC, child)
        assert_same(after, expected.replace(node_mark=jnp.asarray(marks), node_depth=jnp.asarray(depths)))
        happened += found is not None
    assert happened >= NUM_PARENTS // 2


def test_the_kind_drawn_follows_the_rates():
    assert can_apply(SMALL) == [True] * 5
    result = children(1, repeat(from_plain(SPEC, SMALL), DRAWS), PAPER_RATES)
    assert_frequencies(count(result.kind.tolist()), dict(enumerate(PAPER_RATES[:4])), DRAWS)


def test_rates_are_relative():
    genomes = parents()
    one, other = children(2, genomes, PAPER_RATES), children(2, genomes, [4 * rate for rate in PAPER_RATES])
    assert_same(one, other)


def test_what_cannot_apply_is_never_drawn():
    full = [(source, target, True) for source in range(4) for target in (4, 5)]
    start, one_hidden = [1] * 6, [1] * 7
    unjoined = [pair for pair in full if pair[0] != 3]
    cases = [
        (PlainGenome(start, full), {ADD_NODE}),
        (PlainGenome(start, [(s, t, False) for s, t, _ in full]), {ENABLE_CONNECTION}),
        (PlainGenome(start, [(*full[0][:2], False), *full[1:]]), {ADD_NODE, ENABLE_CONNECTION}),
        (PlainGenome(start, unjoined), {ADD_CONNECTION, ADD_NODE}),
        (PlainGenome(one_hidden, [*full, (1, 6, True)]), {ADD_CONNECTION, ADD_NODE, CHANGE_ACTIVATION}),
    ]
    for plain, possible in cases:
        result = children(3, repeat(from_plain(SPEC, plain), DRAWS), [0.25] * 4 + [0.0])
        assert_frequencies(count(result.kind.tolist()), dict.fromkeys(possible, 1 / len(possible)), DRAWS)
        kinds = [difference(plain, to_plain(child))[0] for child in individuals(result.genome)[:60]]
        assert kinds == result.kind.tolist()[:60]
        assert not result.overflow.any()


@pytest.mark.parametrize("name", MUTATION_NAMES)
def test_a_kind_without_a_chance_changes_nothing(name):
    genomes, kind = parents(), KINDS[name]
    has_chance = np.arange(NUM_PARENTS) % 2 == 0
    result = children(5, genomes, has_chance[:, None] * np.asarray(only(kind)))
    for chance, before, after in zip(has_chance, individuals(genomes), individuals(result.genome), strict=True):
        if not chance:
            assert_same(before, after)
        elif can_apply(to_plain(before))[kind]:
            assert difference(to_plain(before), to_plain(after))[0] == kind


def test_full_tables_keep_changes_out_and_say_so():
    full = [(source, target, target == 4) for source in range(4) for target in (4, 5)]
    disabled = [(source, target, False) for source, target, _ in full]
    one_hidden = PlainGenome([1] * 6 + [5], [*full, (1, 6, True)])
    room = GenomeSpec(3, 2, max_nodes=7, max_connections=10, hidden_activations=SPEC.hidden_activations)
    # Room for one connection, not for two; and nothing to change an activation to.
    less = GenomeSpec(3, 2, max_nodes=7, max_connections=9, hidden_activations=(5,))
    cases = [  # spec, genome, kinds that remain, overflow
        (room, PlainGenome([1] * 6, full), {ENABLE_CONNECTION, ADD_NODE}, False),
        (room, one_hidden, {ADD_CONNECTION, ENABLE_CONNECTION, CHANGE_ACTIVATION}, True),
        (less, PlainGenome([1] * 6, full), {ENABLE_CONNECTION}, True),
        (less, PlainGenome([1] * 6, full[:7]), {ADD_CONNECTION, ENABLE_CONNECTION, ADD_NODE}, False),
        (less, PlainGenome([1] * 6, disabled), {ENABLE_CONNECTION}, False),
        (less, one_hidden, {ENABLE_CONNECTION}, True),
    ]
    for spec, plain, possible, overflow in cases:
        result = children(6, repeat(from_plain(spec, plain), NUM_PARENTS), [0.25] * 4 + [0.0])
        assert set(result.kind.tolist()) == possible
        assert set(result.overflow.tolist()) == {overflow}
        for child in individuals(result.genome):
            assert invariant_violations(child) == []
            assert difference(plain, to_plain(child))[0] in possible


def test_a_child_is_a_copy_where_nothing_can_apply():
    genomes = parents()
    result = children(4, genomes, [0.0] * 5)
    assert result.kind.tolist() == [-1] * NUM_PARENTS
    assert_same(result.genome, genomes)


def test_draws_do_not_depend_on_capacity():
    larger = GenomeSpec.for_task(3, 2, SPEC.hidden_activations, 40)
    genomes = parents()
    small, large = children(7, genomes, PAPER_RATES), children(7, grow(genomes, larger), PAPER_RATES)
    assert len(set(small.kind.tolist())) == 4
    assert_same(grow(small.genome, larger), large.genome)
    np.testing.assert_array_equal(small.kind, large.kind)


def drawn(kind, seed):
    """What each of DRAWS mutations of SMALL did, read straight from the tables."""
    genomes = repeat(from_plain(SPEC, SMALL), DRAWS)
    before, after = (jax.tree.map(np.asarray, g) for g in (genomes, children(seed, genomes, only(kind)).genome))
    flipped = (before.conn_enabled != after.conn_enabled).argmax(1)
    changed = (before.node_activation != after.node_activation).argmax(1)
    activation = after.node_activation[np.arange(DRAWS), changed]
    new_source, new_target = after.conn_source[:, 8], after.conn_target[:, 8]
    columns = {
        ADD_CONNECTION: (new_source, new_target),
        ADD_NODE: (flipped, activation),
        ENABLE_CONNECTION: (flipped,),
        DISABLE_CONNECTION: (flipped,),
        CHANGE_ACTIVATION: (changed, activation),
    }[kind]
    return count(list(zip(*(column.tolist() for column in columns), strict=True)))


def test_every_open_pair_is_drawn_source_first():
    pairs = oracle.open_pairs(SMALL.connections, layers_of(SMALL))
    targets = {source: [t for s, t in pairs if s == source] for source, _ in pairs}
    expected = {(s, t): 1 / len(targets) / len(targets[s]) for s, t in pairs}
    assert {4, 5, 6, 7, 8} == {target for _, target in pairs}
    assert_frequencies(drawn(ADD_CONNECTION, 8), expected, DRAWS)


def test_splits_activations_and_enabling_are_uniform():
    splits = {(slot, activation): 1 / 24 for slot in (0, 1, 3, 5, 6, 7) for activation in SPEC.hidden_activations}
    assert_frequencies(drawn(ADD_NODE, 9), splits, DRAWS)
    assert_frequencies(drawn(ENABLE_CONNECTION, 10), {(2,): 1 / 2, (4,): 1 / 2}, DRAWS)
    assert_frequencies(drawn(DISABLE_CONNECTION, 12), {(slot,): 1 / 6 for slot in (0, 1, 3, 5, 6, 7)}, DRAWS)
    changes = {(node, a): 1 / 9 for node in (6, 7, 8) for a in (1, 3, 5, 9) if a != SMALL.activations[node]}
    assert_frequencies(drawn(CHANGE_ACTIVATION, 11), changes, DRAWS)


@jax.jit
def history(seed, kinds):
    """The genomes along a sequence of mutations of the given kinds."""
    start_key, key = jax.random.split(jax.random.key(seed))

    def change(genome, step):
        index, kind = step
        rates = (jnp.arange(5) == kind).astype(jnp.float32)
        mark = SPEC.num_fixed + index
        draws = jax.random.uniform(jax.random.fold_in(key, index), (3,))
        child = mutation.mutate(draws, genome, rates, mark).genome
        return child, child

    return jax.lax.scan(change, initial_genome(start_key, SPEC, 0.5), (jnp.arange(kinds.shape[0]), kinds))[1]


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999), kinds=st.lists(st.integers(0, 4), min_size=25, max_size=25))
def test_genomes_stay_sound_along_any_sequence(seed, kinds):
    for genome in individuals(history(seed, jnp.asarray(kinds))):
        assert invariant_violations(genome) == []
        plain = to_plain(genome)
        assert genome.node_layer[: len(plain.activations)].tolist() == layers_of(plain)


def test_later_nodes_and_who_has_an_open_target():
    def facts(genome):
        return mutation.has_open_target(genome), mutation.num_later_nodes(genome)

    genomes = parents()
    is_open, later = jax.jit(jax.vmap(facts))(genomes)
    for index, genome in enumerate(individuals(genomes)):
        plain = to_plain(genome)
        layers = layers_of(plain)
        sources = {source for source, _ in oracle.open_pairs(plain.connections, layers)}
        assert set(np.flatnonzero(is_open[index]).tolist()) == sources
        assert later[index][: len(layers)].tolist() == [sum(other > own for other in layers) for own in layers]


def test_pick_is_uniform_and_says_when_there_is_nothing():
    masks = jnp.asarray([[False] * 5, [False, True, False, False, True], [True] * 5])
    picks = jax.jit(jax.vmap(lambda draw: jax.vmap(lambda mask: change.pick(draw, mask))(masks)))
    places = np.asarray(picks(jax.random.uniform(jax.random.key(0), (3000,))))
    assert set(places[:, 0].tolist()) == {5}
    assert_frequencies(count(places[:, 1].tolist()), {1: 1 / 2, 4: 1 / 2}, 3000)
    assert_frequencies(count(places[:, 2].tolist()), dict.fromkeys(range(5), 1 / 5), 3000)
    largest = jnp.float32(1.0) - jnp.finfo(jnp.float32).epsneg
    for size in (1, 5, 6151, 2**20 - 1):
        assert int(change.pick(largest, jnp.ones(size, bool))) == size - 1
