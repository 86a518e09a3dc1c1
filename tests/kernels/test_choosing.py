"""The backend is the one of the platform that a program is lowered for, or the one that the user insists on."""

import os
from contextlib import nullcontext
from unittest import mock

import jax
import jax.numpy as jnp
import pytest

import wann_jax as wann
from tests.helpers import kernels
from wann_jax.errors import ConfigError
from wann_jax.evolution.generation import run_generations
from wann_jax.evolution.loop import start
from wann_jax.kernels import choosing, trial
from wann_jax.kernels.backend import Backend
from wann_jax.kernels.pallas import launching


def program(platform, wanted):
    """The text of a small swing-up generation for the platform, lowered while $WANN_KERNELS says what is wanted."""
    task = wann.make_task("swingup", max_steps=10)
    settings = dict(population_size=64, tournament_size=4, champion_candidates=2, champion_episodes=1, generations=1)
    config = wann.SearchConfig.preset("swingup", "quick", **settings)
    state = start(task, config, 0)  # which refuses what cannot run here
    jax.clear_caches()
    with mock.patch.dict(os.environ, {"WANN_KERNELS": wanted}):
        traced = run_generations.trace(config, state, task, jnp.int32(1))
        return traced.lower(lowering_platforms=(platform,)).as_text()


needs_no_gpu_to_lower = pytest.mark.skipif(
    jax.__version_info__ >= (0, 11) and jax.default_backend() != "gpu", reason="newer JAX asks the GPU for its kind"
)


@pytest.mark.parametrize(
    ("platform", "wanted", "native", "pallas"),
    [
        ("cpu", "auto", True, False),
        ("cuda", "auto", False, False),  # to be run elsewhere, on any GPU
        pytest.param("cuda", "pallas", False, True, marks=needs_no_gpu_to_lower),
        ("cuda", "xla", False, False),
    ],
)
def test_a_program_holds_the_kernels_of_its_platform(platform, wanted, native, pallas):
    with kernels("native"):
        text = program(platform, wanted)
    assert ("wann_forward_lanes" in text, "triton" in text) == (native, pallas)


class TestInsisting:
    @pytest.mark.parametrize(
        ("wanted", "device", "told"),
        [
            (
                "pallas",
                None,
                "auto, native or xla without an NVIDIA GPU of compute capability 8.0 or newer; got 'pallas'",
            ),
            (
                "pallas",
                7.5,
                "auto, native or xla without an NVIDIA GPU of compute capability 8.0 or newer; got 'pallas'",
            ),
            ("native", 9.0, "auto, pallas or xla where programs run on a gpu; got 'native'"),
        ],
    )
    def test_on_kernels_that_cannot_run_is_refused(self, wanted, device, told, monkeypatch):
        monkeypatch.setenv("WANN_KERNELS", wanted)
        with gpu(device), pytest.raises(ConfigError) as error:
            choosing.check_choice()
        assert str(error.value) == f"$WANN_KERNELS must be {told}"

    @pytest.mark.parametrize(("wanted", "device"), [("auto", None), ("xla", None), ("pallas", 8.0), ("xla", 7.5)])
    def test_on_others_it_is_not(self, wanted, device, monkeypatch):
        monkeypatch.setenv("WANN_KERNELS", wanted)
        with gpu(device):
            choosing.check_choice()


def gpu(capability):
    """As on a machine whose GPU has this capability; None: as it is."""
    if capability is None:
        return mock.patch.object(jax, "default_backend", return_value="cpu")
    device = mock.Mock(device_kind="NVIDIA some GPU", compute_capability=str(capability), platform="gpu")
    device.memory_stats.return_value = {}
    return mock.patch.multiple(
        jax, default_backend=mock.Mock(return_value="gpu"), local_devices=mock.Mock(return_value=[device])
    )


class TestTrial:
    def test_pallas_kernels_and_those_of_accelerators_pass(self):
        with mock.patch.object(launching, "INTERPRET", True):
            assert trial.failure_of(choosing.PALLAS, choosing.XLA_CPU) is None
        assert trial.failure_of(choosing.XLA, choosing.XLA_CPU) is None

    def test_other_results_are_found(self):
        def samples(networks, weights, inputs, summarise):
            return choosing.XLA_CPU.samples(networks, weights * 1.01, inputs, summarise)

        wrong = Backend("wrong", samples, choosing.XLA_CPU.act, choosing.XLA_CPU.individuals_per_block)
        assert trial.failure_of(wrong, choosing.XLA_CPU).startswith("samples differ from xla's by ")

    def test_what_cannot_be_compiled_is_told_once_and_replaced(self, monkeypatch, capsys):
        def act(*_):
            raise NotImplementedError("no such thing\nat all")

        broken = choosing.XLA_CPU._replace(name="pallas", act=act)
        monkeypatch.setattr(choosing, "PALLAS", broken)
        monkeypatch.setattr(trial, "_host", nullcontext)  # `gpu` hides the host's devices
        choosing._passes_trial.cache_clear()
        with gpu(9.0):
            assert [choosing.backend_of("gpu").name for _ in range(2)] == ["xla", "xla"]
        choosing._passes_trial.cache_clear()
        told = "going on without the kernels in Pallas, more slowly: NotImplementedError: no such thing\n"
        assert capsys.readouterr().err == told
