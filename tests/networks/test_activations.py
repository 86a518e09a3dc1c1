"""The ten activations against float64, sin(pi x) far from zero, and the derivatives that tuning uses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracle.network import ACTIVATIONS
from wann_jax.genomes.activation_ids import ACTIVATION_IDS, ACTIVATION_NAMES, SUM
from wann_jax.networks.activations import apply_activation, apply_activations, sin_pi, step

GRID = np.concatenate([np.linspace(-9.7, 9.7, 4001), [0.0, 1e-6, -1e-6, 30.0, -30.0]]).astype(np.float32)
apply_one = jax.jit(apply_activation)
apply_mixed = jax.jit(apply_activations)
grad_one = jax.jit(jax.vmap(jax.grad(apply_activation, argnums=1), (None, 0)))
grad_mixed = jax.jit(jax.vmap(jax.grad(apply_activations, argnums=1)))


def float64(activation, x):
    return ACTIVATIONS[activation](np.asarray(x, np.float64))


@pytest.mark.parametrize("name", ACTIVATION_IDS)
def test_activation_matches_float64(name):
    activation = ACTIVATION_IDS[name]
    # cos is sin_pi(x + 1/2): the sum is rounded to float32, half a unit in the last place of x.
    atol = 2e-7 + (np.pi * np.spacing(np.abs(GRID)) if name == "cos" else 0.0)
    value = np.asarray(apply_one(jnp.int32(activation), jnp.asarray(GRID)), np.float64)
    expected = float64(activation, GRID)
    assert (np.abs(value - expected) <= atol + 4e-7 * np.abs(expected)).all()


def test_ids_are_those_of_the_original():
    expected = ["linear", "step", "sin", "gaussian", "tanh", "sigmoid", "inverse", "abs", "relu", "cos"]
    assert [ACTIVATION_NAMES[index] for index in range(1, 11)] == expected
    assert {name: index + 1 for index, name in enumerate(expected)} == ACTIVATION_IDS


def test_mixed_ids_match_one_id_at_a_time():
    ids = np.arange(11, dtype=np.int32)[:, None]
    mixed = apply_mixed(jnp.asarray(ids), jnp.broadcast_to(jnp.asarray(GRID), (11, GRID.size)))
    alone = np.stack([apply_one(jnp.int32(index), jnp.asarray(GRID)) for index in range(11)])
    np.testing.assert_allclose(mixed, alone, rtol=3e-7, atol=1e-7)
    np.testing.assert_array_equal(mixed[SUM], GRID)


def test_sin_pi_is_accurate_far_from_zero():
    random = np.random.default_rng(0)
    x = np.concatenate([random.uniform(-scale, scale, 20000) for scale in (1, 100, 1e4, 1e6)]).astype(np.float32)
    turn = np.asarray(x, np.float64) % 2.0  # exact: a float32 has few enough digits
    expected = np.sin(np.pi * np.where(turn > 1.5, turn - 2.0, np.where(turn > 0.5, 1.0 - turn, turn)))
    np.testing.assert_allclose(sin_pi(jnp.asarray(x)), expected, rtol=4e-7, atol=0)


def test_sin_pi_is_exactly_zero_at_integers():
    x = jnp.asarray([0.0, 1.0, -7.0, 12345.0, 2.0**24, -(2.0**40), 1e30], jnp.float32)
    assert (np.abs(sin_pi(x)) == 0).all()


def test_sin_pi_is_one_at_half_integers():
    x = np.asarray([0.5, -0.5, 1.5, 2.5, 1000.5, -1000.5], np.float32)
    np.testing.assert_allclose(sin_pi(jnp.asarray(x)), [1.0, -1.0, -1.0, 1.0, 1.0, -1.0], rtol=2e-7)


def test_step_is_zero_at_zero():
    x = jnp.asarray([-1.0, -1e-30, -0.0, 0.0, 1e-30, 1.0])
    assert step(x).tolist() == [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("name", sorted(ACTIVATION_IDS.keys() - {"step"}))
def test_derivative_matches_finite_differences(name):
    activation = ACTIVATION_IDS[name]
    x = np.linspace(-3.05, 3.07, 97).astype(np.float32)  # no point at the kinks of abs and relu
    wide = x.astype(np.float64)
    slope = (float64(activation, wide + 1e-6) - float64(activation, wide - 1e-6)) / 2e-6
    np.testing.assert_allclose(grad_one(jnp.int32(activation), jnp.asarray(x)), slope, rtol=1e-5, atol=1e-5)
    ids = jnp.full(x.shape, activation, jnp.int32)
    np.testing.assert_allclose(grad_mixed(ids, jnp.asarray(x)), slope, rtol=1e-5, atol=1e-5)


def test_step_has_the_logistic_functions_derivative():
    x = np.linspace(-6, 6, 49).astype(np.float32)
    logistic = float64(ACTIVATION_IDS["sigmoid"], x)
    ids = jnp.full(x.shape, ACTIVATION_IDS["step"], jnp.int32)
    for slope in (grad_one(jnp.int32(ACTIVATION_IDS["step"]), jnp.asarray(x)), grad_mixed(ids, jnp.asarray(x))):
        np.testing.assert_allclose(slope, logistic * (1 - logistic), rtol=1e-6, atol=1e-7)
