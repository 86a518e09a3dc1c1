"""The native kernels: all sizes of batches, hard values, and which programs hold them. test_forward.py has the rest."""

import itertools
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import wann_jax as wann
from tests.helpers import (
    LAYOUTS,
    MANY_INPUTS,
    POOL_SIZE,
    PlainGenome,
    assert_same,
    from_plain,
    individual,
    kernels,
    native_runs,
    pool,
    random_dag,
    stack,
)
from wann_jax import native
from wann_jax.evolution import generation as search
from wann_jax.evolution import loop
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.kernels import choosing
from wann_jax.kernels.losses import CrossEntropy
from wann_jax.kernels.native import FORWARD, SAMPLES
from wann_jax.networks.compiling import express

express_pool = jax.jit(jax.vmap(express))


def both(function, *arrays):
    """What the native and the XLA kernel make of the same."""
    results = []
    for name in ("native", "xla"):
        with kernels(name):
            results.append(jax.jit(lambda *arrays: function(*arrays))(*arrays))
    return results


@LAYOUTS
@pytest.mark.parametrize("size", [1, 15, 16, 17, 33, 64, 65, 130])
def test_batches_of_any_size_fill_blocks_rightly(spec, size):
    networks = express_pool(pool(spec))
    random = np.random.default_rng(size)
    weights = jnp.asarray(random.uniform(-0.5, 0.5, size).astype(np.float32))
    inputs = jnp.asarray(random.normal(size=(POOL_SIZE, size, spec.num_inputs)).astype(np.float32))
    natively, by_xla = both(wann.forward_lanes, networks, weights, inputs)
    np.testing.assert_allclose(natively, by_xla, rtol=1e-4, atol=1e-4)
    natively, by_xla = both(wann.forward_samples, networks, weights[:3], inputs[0])
    np.testing.assert_allclose(natively, by_xla, rtol=1e-4, atol=1e-4)


@LAYOUTS
def test_genomes_compile_to_the_same_networks(spec):
    """Every table, to the bit, for batches, one genome, and genomes with many dead nodes."""
    loose = [from_plain(spec, random_dag(spec, 40, 0.04, seed)) for seed in range(12)]
    for genomes in (pool(spec), stack(loose)):
        natively, by_xla = both(lambda genomes: jax.vmap(express)(genomes), genomes)
        assert_same(natively, by_xla)
    one = individual(pool(spec), POOL_SIZE - 1)
    assert_same(*both(express, one))


def chains_and_fans(spec: GenomeSpec, seed: int) -> PlainGenome:
    """Values that are read at once, many nodes later, by many nodes, or all at the end by one."""
    random = np.random.default_rng(seed)
    hidden = [spec.num_fixed + place for place in range(44)]
    chain, fan, late = hidden[:24], hidden[24:40], hidden[40:]
    pairs = [(1, chain[0]), (spec.first_output - 1, chain[0]), *itertools.pairwise(chain)]
    pairs += [(chain[place], chain[place + gap]) for gap in (2, 7, 11) for place in range(seed, 24 - gap, gap)]
    pairs += [(int(random.choice(chain)), node) for node in fan] + [(2, node) for node in fan[::3]]
    pairs += [(node, late[0]) for node in fan] + [(node, late[1]) for node in chain]
    pairs += [(late[0], late[2]), (chain[0], late[2]), (late[1], late[3]), (fan[0], late[3]), (late[2], late[3])]
    outputs = range(spec.first_output, spec.num_fixed)
    pairs += [
        (node, output) for output in outputs for node in (late[output % 4], *random.permutation(chain)[:6].tolist())
    ]
    smooth = [ACTIVATION_IDS[name] for name in ("tanh", "sigmoid", "gaussian", "abs")]
    activations = [spec.output_activation] * spec.num_fixed + random.choice(smooth, len(hidden)).tolist()
    return PlainGenome(activations, [(source, target, True) for source, target in dict.fromkeys(pairs)])


@LAYOUTS
def test_values_that_share_places_are_read_before_they_are_overwritten(spec):
    networks = express_pool(stack([from_plain(spec, chains_and_fans(spec, seed)) for seed in range(4)]))
    random = np.random.default_rng(1)
    inputs = jnp.asarray(random.normal(size=(70, spec.num_inputs)).astype(np.float32))
    weights = jnp.asarray([-0.9, -0.4, 0.3, 0.6, 1.1])
    with kernels("native"):
        outputs = jax.jit(lambda *arrays: wann.forward_samples(*arrays))(networks, weights, inputs)
    expected = [[wann.forward(individual(networks, i), weight, inputs) for weight in weights] for i in range(4)]
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    for deviation in (0.0, 0.5, 2.0):
        loss = CrossEntropy(jnp.asarray(random.integers(0, spec.num_outputs, 70)), deviation)
        with kernels("native"):
            losses = jax.jit(lambda *arrays, loss=loss: wann.forward_samples(*arrays, loss))(networks, weights, inputs)
        by_definition = [loss(jnp.asarray(outputs_of_one)) for outputs_of_one in expected]
        np.testing.assert_allclose(losses, by_definition, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("library", [FORWARD, SAMPLES], ids=lambda library: library.name)
def test_programs_use_the_native_kernels_only_if_all_are_ready(library, monkeypatch):
    with kernels("native"):
        assert choosing.backend_of("cpu") is choosing.NATIVE
        monkeypatch.setattr(library, "ready", lambda: False)
        assert choosing.backend_of("cpu") is choosing.XLA_CPU


@LAYOUTS
@pytest.mark.parametrize("size", [1, 63, 64, 150])
def test_cross_entropy_is_that_of_the_outputs(spec, size):
    networks = express_pool(pool(spec))
    random = np.random.default_rng(size)
    inputs = jnp.asarray(random.normal(size=(size, spec.num_inputs)).astype(np.float32))
    labels = random.integers(0, spec.num_outputs, size)
    loss = CrossEntropy(jnp.asarray(labels))
    weights = jnp.asarray([-0.7, 0.3, 0.5])
    losses = both(lambda *arrays: wann.forward_samples(*arrays, loss), networks, weights, inputs)
    with kernels("xla"):
        outputs = np.asarray(jax.jit(wann.forward_samples)(networks, weights, inputs), np.float64)
    log_sums = np.log(np.exp(outputs - outputs.max(-1, keepdims=True)).sum(-1)) + outputs.max(-1)
    expected = (log_sums - outputs[:, :, np.arange(size), labels]).mean(-1)
    for found in losses:
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("size", [1, 65, 1000])
def test_cross_entropy_of_standardised_outputs(size):
    """Against NumPy's; scaling and shifting the outputs of a network makes no difference."""
    spec = MANY_INPUTS
    networks = express_pool(pool(spec))
    random = np.random.default_rng(size)
    inputs = jnp.asarray(random.normal(size=(size, spec.num_inputs)).astype(np.float32))
    labels = random.integers(0, spec.num_outputs, size)
    weights = jnp.asarray([-0.7, 0.3, 0.5])
    loss = CrossEntropy(jnp.asarray(labels), 2.0)
    losses = both(lambda *arrays: wann.forward_samples(*arrays, loss), networks, weights, inputs)
    with kernels("xla"):
        outputs = np.asarray(jax.jit(wann.forward_samples)(networks, weights, inputs), np.float64)
    outputs -= outputs.mean(-1, keepdims=True)
    outputs *= 2.0 / np.maximum(outputs.std((-2, -1), keepdims=True), 1e-12)
    expected = (np.log(np.exp(outputs).sum(-1)) - outputs[:, :, np.arange(size), labels]).mean(-1)
    for found in losses:
        np.testing.assert_allclose(found, expected, rtol=5e-4, atol=5e-5)
    np.testing.assert_allclose(loss(jnp.asarray(3.0 * outputs[0] + 1.0)), expected[0], rtol=1e-4)


def test_cross_entropy_of_equal_outputs_is_that_of_guessing():
    spec = GenomeSpec.for_task(1, 2, (1,), 32)
    plain = PlainGenome([1, 1, 1, 1], [(1, 2, False)])
    networks = express_pool(jax.tree.map(lambda table: table[None], from_plain(spec, plain)))
    loss = CrossEntropy(jnp.asarray([0, 1, 1]), 2.0)
    for found in both(lambda *arrays: wann.forward_samples(*arrays, loss), networks, jnp.ones(1), jnp.ones((3, 1))):
        np.testing.assert_allclose(found, np.log(2.0), rtol=1e-6)


def test_cross_entropy_of_huge_outputs_is_finite_and_of_undefined_ones_undefined():
    spec = GenomeSpec.for_task(1, 2, (1,), 32)
    plain = PlainGenome([1, 1, 1, 1], [(1, 2, True)])
    networks = express_pool(jax.tree.map(lambda table: table[None], from_plain(spec, plain)))
    for value, expected in ((1e30, [1e30, 0.0]), (np.nan, [np.nan] * 2), (-50.0, [0.0, 50.0]), (0.0, [np.log(2)] * 2)):
        for label in (1, 0):
            loss = CrossEntropy(jnp.asarray([label]))
            with kernels("native"):
                found = wann.forward_samples(networks, jnp.ones(1), jnp.full((1, 1), jnp.float32(value)), loss)
            np.testing.assert_allclose(found[0, 0], expected[1 - label], rtol=1e-6, atol=1e-6)


HARD = np.array([0, -0.0, 1e-40, 1e-8, 0.5, 1, 3, 12, 88, 90, 1e3, 1e6, 1e30, np.inf, np.nan], np.float32)


@pytest.mark.parametrize("name", ACTIVATION_IDS)
def test_hard_values_come_out_as_defined(name):
    """Tiny, huge, infinite and undefined inputs of each activation."""
    spec = GenomeSpec.for_task(1, 1, tuple(ACTIVATION_IDS.values()), 32)
    plain = PlainGenome([1, 1, 1, ACTIVATION_IDS[name]], [(1, 3, True), (3, 2, True)])
    networks = express_pool(jax.tree.map(lambda table: table[None], from_plain(spec, plain)))
    inputs = jnp.asarray(np.concatenate([HARD, -HARD, np.linspace(-9, 9, 301, dtype=np.float32)])[:, None])
    with kernels("native"):
        outputs = wann.forward_samples(networks, jnp.ones(1), inputs)[0, 0]
    network = jax.tree.map(lambda table: table[0], networks)
    np.testing.assert_allclose(outputs, wann.forward(network, 1.0, inputs), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "kernel"),
    [("swingup", {"wann_forward_lanes"}), ("digits", {"wann_forward_samples", "wann_cross_entropy"}), ("xor", set())],
)
def test_a_whole_generation_lowers_for_accelerators_without_native_code(name, kernel):
    task, config = wann.make_task(name), wann.SearchConfig.preset(name, "quick")
    state = loop.start(task, config, 0)
    arguments = (config, state, task, jnp.int32(1))

    def targets(text):
        return {name for library in native.LIBRARIES for name in library.targets if f"@{name}(" in text}

    with mock.patch.object(choosing, "_on_cuda", return_value=choosing.XLA):  # a GPU's own kernels cannot be exported
        exported = export.export(search.run_generations, platforms=("cuda", "tpu"))(*arguments)
    assert exported.platforms == ("cuda", "tpu")
    assert targets(exported.mlir_module()) == set()
    if native_runs():
        wanted = {"wann_breed", "wann_express"} | kernel
        assert wanted <= targets(search.run_generations.lower(*arguments).as_text())
