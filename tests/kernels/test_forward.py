"""Evaluating networks: the definition against float64 recursion, the kernels against both, gradients."""

import os
import re
import subprocess
import sys
from functools import cache, partial
from pathlib import Path

import chex
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from jax import lax

from tests.helpers import (
    FEW_INPUTS,
    LAYOUTS,
    POOL_SIZE,
    from_plain,
    individual,
    individuals,
    kernels,
    pool,
    random_dag,
    to_plain,
)
from tests.oracle import network as oracle
from wann_jax.errors import ConfigError
from wann_jax.kernels.choosing import on_each_platform
from wann_jax.kernels.forward import forward, forward_lanes, forward_samples
from wann_jax.kernels.pallas.launching import LANES
from wann_jax.kernels.xla_cpu import LANES_PER_TILE
from wann_jax.networks.compiling import express

express_pool = jax.jit(jax.vmap(express))
forward_one = jax.jit(forward)
forward_each = jax.jit(jax.vmap(forward, (None, 0, None)))  # over weights
forward_lane = jax.jit(jax.vmap(forward, (None, 0, 0)))  # over lanes
NUM_SAMPLES = LANES_PER_TILE // 3 + 45  # two tiles of three weights, the second one not full


@pytest.fixture(scope="module", params=["native", "xla", "accelerator", "pallas"])
def kernel(request):
    """All implementations behind the kernels, one after the other."""
    with kernels(request.param):
        yield request.param


@cache
def compiled(function, kernel):
    """One compiled program for each implementation: which one it holds is settled when it is traced."""
    return jax.jit(lambda *arrays: function(*arrays))


@cache
def plain_pool(spec):
    return [to_plain(genome) for genome in individuals(pool(spec))]


def assert_close(outputs, expected, settled, tolerance=1e-4):
    error = np.abs(np.asarray(outputs, np.float64) - expected) / np.maximum(1.0, np.abs(expected))
    assert (error <= tolerance)[settled].all(), f"largest error {error[settled].max()}"


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@LAYOUTS
@pytest.mark.parametrize("kind", ["shared", "per_connection"])
def test_random_networks_match_float64(spec, kind):
    networks, shares = express_pool(pool(spec)), []
    for index, plain in enumerate(plain_pool(spec)):
        inputs = normal(index, 24, spec.num_inputs)
        for seed in range(4):
            count = int(networks.num_connections[index])
            shape = spec.max_connections if kind == "per_connection" else ()
            weights = np.random.default_rng(seed).uniform(-2, 2, shape).astype(np.float32)
            # Under jit a weight vector may be longer than the network needs: one program serves the pool.
            outputs = forward_one(individual(networks, index), jnp.asarray(weights), jnp.asarray(inputs))
            weights = weights[:count] if weights.ndim else weights
            expected, settled = oracle.evaluate_settled(plain, weights, inputs, spec.num_outputs)
            assert_close(outputs, expected, settled)
            shares.append(settled.mean())
    assert np.mean(shares) > 0.85, "too few comparisons mean anything"


# Few different values, so that sums cancel and steps sit at zero.
def weights_of(count):
    return hnp.arrays(np.float32, count, elements=st.sampled_from([-2.0, -1.0, -0.3, 0.5, 1.0, 1.7]))


# Inputs come from a seed: there is nothing to shrink, only minutes to lose when a test fails.
examples = settings(deadline=None, max_examples=20, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@LAYOUTS
@examples
@given(index=st.integers(0, POOL_SIZE - 1), weights=weights_of(3), seed=st.integers(0, 99), scale=st.floats(0.1, 3))
def test_samples_kernel_agrees_with_forward(kernel, spec, index, weights, seed, scale):
    num_samples = LANES + 8 if kernel == "pallas" else NUM_SAMPLES
    inputs = np.float32(scale) * normal(seed, num_samples, spec.num_inputs)
    networks = express_pool(pool(spec))
    outputs = np.asarray(compiled(forward_samples, kernel)(networks, jnp.asarray(weights), jnp.asarray(inputs)))
    assert outputs.shape == (POOL_SIZE, 3, num_samples, spec.num_outputs)
    defined = np.asarray(forward_each(individual(networks, index), jnp.asarray(weights), jnp.asarray(inputs)))
    for place, weight in enumerate(weights.tolist()):
        plain = plain_pool(spec)[index]
        expected, settled = oracle.evaluate_settled(plain, weight, inputs, spec.num_outputs)
        assert_close(outputs[index, place], defined[place], settled)
        assert_close(outputs[index, place], expected, settled)


@LAYOUTS
@examples
@given(index=st.integers(0, POOL_SIZE - 1), weights=weights_of(7), seed=st.integers(0, 99), scale=st.floats(0.1, 3))
def test_lanes_kernel_agrees_with_forward(kernel, spec, index, weights, seed, scale):
    inputs = np.float32(scale) * normal(seed, POOL_SIZE, 7, spec.num_inputs)
    networks = express_pool(pool(spec))
    outputs = np.asarray(compiled(forward_lanes, kernel)(networks, jnp.asarray(weights), jnp.asarray(inputs)))
    assert outputs.shape == (POOL_SIZE, 7, spec.num_outputs)
    defined = forward_lane(individual(networks, index), jnp.asarray(weights), jnp.asarray(inputs[index]))
    for lane, weight in enumerate(weights.tolist()):
        own = inputs[index, lane : lane + 1]
        expected, settled = oracle.evaluate_settled(plain_pool(spec)[index], weight, own, spec.num_outputs)
        assert_close(outputs[index, lane : lane + 1], np.asarray(defined)[lane : lane + 1], settled)
        assert_close(outputs[index, lane : lane + 1], expected, settled)


def many_samples(kernel):
    """Three tiles, the last one not full; the interpreter of Pallas' kernels takes long for each."""
    return (2 * LANES if kernel == "pallas" else LANES_PER_TILE) + 3


@LAYOUTS
def test_a_small_batch_and_a_large_one_give_the_same_outputs(kernel, spec):
    samples_kernel = compiled(forward_samples, kernel)
    networks, weights = express_pool(pool(spec)), jnp.asarray([-1.0, 0.6])
    inputs = jnp.asarray(normal(0, many_samples(kernel), spec.num_inputs))
    large = samples_kernel(networks, weights, inputs)
    np.testing.assert_allclose(samples_kernel(networks, weights, inputs[-5:]), large[:, :, -5:], rtol=1e-5, atol=1e-5)


def test_summaries_are_those_of_the_outputs(kernel):
    networks, weights = express_pool(pool(FEW_INPUTS)), jnp.asarray([-1.0, 0.6, 1.3])
    inputs = jnp.asarray(normal(1, many_samples(kernel), 5))

    def summarise(outputs):
        return {"mean": outputs.mean(1), "last": outputs[:, -1], "sign": (outputs > 0).sum()}

    summaries = jax.jit(lambda *arrays: forward_samples(*arrays, summarise))(networks, weights, inputs)
    expected = jax.vmap(summarise)(compiled(forward_samples, kernel)(networks, weights, inputs))
    for name in expected:
        np.testing.assert_allclose(summaries[name], expected[name], rtol=1e-5, atol=1e-5)


@LAYOUTS
def test_a_policy_gives_what_the_kernel_gives_step_after_step(kernel, spec):
    networks, weights = express_pool(pool(spec)), jnp.linspace(-2, 2, 7)
    steps = jnp.stack([jnp.asarray(normal(seed, POOL_SIZE, 7, spec.num_inputs)) for seed in range(3)])

    def walk(backend, networks, steps):
        def use(policy):
            return lax.scan(policy.step, policy.memory, steps)[1]

        return backend.act(networks, weights, use)

    found = jax.jit(partial(on_each_platform, walk))(networks, steps)
    for inputs, outputs in zip(steps, found, strict=True):
        expected = compiled(forward_lanes, kernel)(networks, weights, inputs)
        np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


@LAYOUTS
def test_gradients_match_finite_differences(spec):
    """On activations with a derivative everywhere; the differences are taken in float64."""
    plain = random_dag(spec, 14, 0.15, 5, 0.4, activations=(1, 3, 4, 5, 6, 7, 10))
    network = express_pool(jax.tree.map(lambda table: table[None], from_plain(spec, plain)))
    network = individual(network, 0)
    inputs, pull = normal(0, 8, spec.num_inputs), normal(1, 8, spec.num_outputs)
    count = int(network.num_connections)
    weights = np.random.default_rng(2).uniform(-1, 1, count).astype(np.float32)
    padded = np.pad(weights, (0, spec.max_connections - count))

    def loss(weights, inputs, network):
        return (forward(network, weights, inputs) * pull).sum()

    def loss64(weights, inputs):
        return (oracle.evaluate(plain, weights, inputs, spec.num_outputs) * pull).sum()

    def differences(function, at):
        steps = 1e-6 * np.eye(at.size).reshape(at.size, *at.shape)
        slopes = [(function(at + step) - function(at - step)) / 2e-6 for step in steps]
        return np.reshape(slopes, at.shape)

    gradients = jax.jit(jax.grad(loss, argnums=(0, 1)))
    by_weights, by_inputs = gradients(jnp.asarray(padded), jnp.asarray(inputs), network)
    wide, wide_inputs = weights.astype(np.float64), inputs.astype(np.float64)
    expected = differences(lambda weights: loss64(weights, wide_inputs), wide)
    np.testing.assert_allclose(by_weights[:count], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert not by_weights[count:].any()
    expected = differences(lambda inputs: loss64(wide, inputs), wide_inputs)
    np.testing.assert_allclose(by_inputs, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_gradient_of_a_shared_weight_is_the_sum_over_its_connections():
    networks, inputs = express_pool(pool(FEW_INPUTS)), jnp.asarray(normal(0, 8, 5))
    network = individual(networks, 4)
    gradient = jax.jit(jax.grad(lambda weights: forward(network, weights, inputs).sum()))
    by_each = gradient(jnp.full(int(network.num_connections), 0.4))
    np.testing.assert_allclose(gradient(jnp.float32(0.4)), by_each.sum(), rtol=1e-4)


def test_wrong_shapes_are_refused():
    network = individual(express_pool(pool(FEW_INPUTS)), 0)
    count = int(network.num_connections)
    message = f"weights must be one number, or {count}: one for each connection; got (99,)"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        forward(network, jnp.ones(99), jnp.ones(5))
    message = "inputs must be an array whose last axis holds the network's 5 inputs; got (4,)"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        forward(network, 1.0, jnp.ones(4))


# What users see: in this process annotations are checked, too, and refuse some of these first.
MISTAKES = """
import jax.numpy as jnp, wann_jax as wann
from wann_jax.kernels.losses import CrossEntropy
one = wann.load_network("swingup")
networks = wann.stack_networks([one] * 3)
loss = CrossEntropy(jnp.zeros(6, jnp.int32))
weights, samples, lanes = jnp.ones(2), jnp.ones((7, 5)), jnp.ones((3, 2, 5))
for call in (
    lambda: wann.forward_samples(networks, weights, samples[:, :3]),
    lambda: wann.forward_samples(networks, weights, samples[0]),
    lambda: wann.forward_samples(networks, weights[0], samples),
    lambda: wann.forward_samples(one, weights, samples),
    lambda: wann.forward_samples(networks, weights, samples, loss),
    lambda: wann.forward_lanes(networks, weights, lanes[..., :4]),
    lambda: wann.forward_lanes(networks, weights, lanes[:2]),
    lambda: wann.forward_lanes(networks, jnp.ones(3), lanes),
):
    try:
        call()
        print("no error")
    except wann.ConfigError as error:
        print(error)
"""
ANSWERS = [
    "inputs must be an array of samples with the networks' 5 inputs each; got (7, 3)",
    "inputs must be an array of samples with the networks' 5 inputs each; got (5,)",
    "weights must be a list of shared weights; got ()",
    "networks must be a batch of networks with one leading axis (stack_networks); got ()",
    "labels must be one for each of the 7 samples; got (6,)",
    "inputs must be of the shape networks x lanes x inputs, (3, 2, 5); got (3, 2, 4)",
    "inputs must be of the shape networks x lanes x inputs, (3, 2, 5); got (2, 2, 5)",
    "inputs must be of the shape networks x lanes x inputs, (3, 3, 5); got (3, 2, 5)",
]


@pytest.mark.parametrize("choice", ["xla", "auto"])
def test_wrong_shapes_of_batches_are_refused(choice):
    environment = os.environ | {"WANN_KERNELS": choice, "PYTHONPATH": str(Path(__file__).parents[2])}
    call = [sys.executable, "-c", MISTAKES]
    done = subprocess.run(call, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ANSWERS


def test_leading_axes_of_inputs_are_kept():
    network = individual(express_pool(pool(FEW_INPUTS)), 5)
    inputs = jnp.asarray(normal(0, 2, 3, 5))
    outputs = forward_one(network, jnp.float32(0.4), inputs)
    assert outputs.shape == (2, 3, 2)
    np.testing.assert_array_equal(forward_one(network, np.float32(0.4), np.asarray(inputs)), outputs)
    for place in np.ndindex(2, 3):
        one = forward_one(network, jnp.float32(0.4), inputs[place])
        np.testing.assert_allclose(outputs[place], one, rtol=1e-5, atol=1e-6)


class TestHoweverItRuns(chex.TestCase):
    """The definition, compiled, step by step, and on arrays that lie on a device."""

    @chex.variants(with_jit=True, without_jit=True, with_device=True)
    def test_outputs_are_the_oracles(self):
        network, plain = individual(express_pool(pool(FEW_INPUTS)), 3), plain_pool(FEW_INPUTS)[3]
        inputs = np.random.default_rng(2).normal(size=(4, FEW_INPUTS.num_inputs)).astype(np.float32)
        found = self.variant(lambda network, inputs: forward(network, 0.7, inputs))(network, inputs)
        wanted, settled = oracle.evaluate_settled(plain, 0.7, inputs, FEW_INPUTS.num_outputs)
        assert settled.mean() > 0.5
        np.testing.assert_allclose(np.asarray(found)[settled], wanted[settled], rtol=1e-4, atol=1e-4)
