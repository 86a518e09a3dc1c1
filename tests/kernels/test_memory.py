"""How many individuals an evaluation on an accelerator holds."""

from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.helpers import FEW_INPUTS, kernels, pool
from wann_jax.errors import ConfigError
from wann_jax.kernels import memory
from wann_jax.kernels.forward import forward_samples
from wann_jax.networks.compiling import express


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("much", "a positive number of GiB; got 'much'"),
        ("0", "a positive number of GiB; got '0'"),
        ("-1", "a positive number of GiB; got '-1'"),
        ("inf", "a positive number of GiB; got 'inf'"),
    ],
)
def test_a_budget_that_is_no_number_is_refused(text, told, monkeypatch):
    monkeypatch.setenv("WANN_DEVICE_MEMORY", text)
    with pytest.raises(ConfigError) as error:
        memory.budget_bytes()
    assert str(error.value) == f"$WANN_DEVICE_MEMORY must be {told}"


def test_a_budget_too_small_for_one_individual_is_refused(monkeypatch):
    monkeypatch.setenv("WANN_DEVICE_MEMORY", "0.5")
    assert memory.individuals_within(2**28) == 2
    with pytest.raises(ConfigError) as error:
        memory.individuals_within(2**30)
    told = "$WANN_DEVICE_MEMORY, in GiB must be at least the 1 GiB that one individual takes here; got 0.5"
    assert str(error.value) == told


def test_a_device_gives_a_share_of_its_own(monkeypatch):
    monkeypatch.delenv("WANN_DEVICE_MEMORY", raising=False)
    for stats, wanted in (({"bytes_limit": 1000 << 20}, 400 << 20), (None, 4 << 30), ({}, 4 << 30)):
        device = mock.Mock(platform="gpu", memory_stats=mock.Mock(return_value=stats))
        with mock.patch.object(jax, "local_devices", return_value=[device]):
            assert memory.budget_bytes() == wanted


@pytest.mark.parametrize("kernel", ["accelerator", "pallas"])
def test_a_population_in_parts_gets_what_it_gets_at_once(kernel, monkeypatch):
    networks = jax.jit(jax.vmap(express))(pool(FEW_INPUTS))
    weights, inputs = jnp.asarray([-1.0, 0.6]), jnp.asarray(np.random.default_rng(0).normal(size=(8, 5)), jnp.float32)

    def run(gib):
        monkeypatch.setenv("WANN_DEVICE_MEMORY", gib)
        with kernels(kernel), mock.patch.object(jax.lax, "map", wraps=jax.lax.map) as parts:
            return jax.jit(lambda networks: forward_samples(networks, weights, inputs))(networks), parts.call_count

    bytes_each = 4 * 8 * 156 * 3 if kernel == "accelerator" else 4 * 2 * 3 * 8 * 2
    whole, none = run("1")
    parts, some = run(str(3.5 * bytes_each / 2**30))
    assert (none, some > 0) == (0, True)
    np.testing.assert_allclose(parts, whole, rtol=1e-6, atol=1e-6)
