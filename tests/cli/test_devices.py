"""`wann devices`, and the line about an accelerator that JAX does not see."""

import json

import jax
import jaxlib
import pytest

import wann_jax
from tests.helpers import native_runs
from wann_jax import native
from wann_jax.cli import devices, main
from wann_jax.kernels.choosing import backend_of

NVIDIA = "pip install 'wann_jax[cuda13]' (with a driver older than 580: cuda12)"


@pytest.fixture(autouse=True)
def device_files(tmp_path, monkeypatch):
    """An empty /dev, and no choice of the user's."""
    folder = tmp_path / "dev"
    folder.mkdir()
    monkeypatch.setattr(devices, "DEVICE_FILES", folder)
    for name in devices.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def told(capsys):
    """Lines of `wann devices`, by what they tell of."""

    def call(*words):
        assert main([*(words or ("devices",))]) == 0
        lines = capsys.readouterr().out.splitlines()
        return {line[:12].strip(): line[14:] for line in lines[:7]}, lines[7:]

    return call


def test_it_tells_versions_devices_kernels_compiler_and_places(told, monkeypatch, tmp_path):
    monkeypatch.setenv("WANN_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("WANN_CPU_DEVICES", "1")
    found, advice = told()
    assert found["versions"].startswith(
        f"wann_jax {wann_jax.__version__}, jax {jax.__version__}, jaxlib {jaxlib.__version__}, Python 3."
    )
    assert found["devices"] == f"{len(jax.devices())} x cpu"
    assert found["kernels"] == backend_of("cpu").name == ("native" if native_runs() else "xla")
    assert found["variables"] == "WANN_CPU_DEVICES=1"
    assert found["native code"] == f"kept in {tmp_path / 'native'}"
    assert found["XLA's code"] == f"kept in {jax.config.jax_compilation_cache_dir}"
    assert advice == []
    assert told("--version", "--verbose") == (found, advice)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (None, "none found ($CXX, c++, g++, clang++): on a CPU, XLA's code evaluates networks, more slowly"),
        (
            "no-such-compiler",
            "does not work: on a CPU, XLA's code evaluates networks, more slowly; [Errno 2] No such file",
        ),
    ],
)
def test_a_compiler_that_is_missing_or_broken_is_told(told, monkeypatch, tmp_path, command, words):
    monkeypatch.setenv("WANN_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    if command:
        monkeypatch.setenv("CXX", command)
    native.available.cache_clear()
    try:
        found, _ = told()
    finally:
        native.available.cache_clear()
    assert found["kernels"] == "xla"
    assert found["C++ compiler"].startswith(words)


class Device:
    platform, device_kind = "gpu", "NVIDIA H100"

    def memory_stats(self):
        return {"bytes_limit": 59.5 * 2**30}


def test_equal_devices_are_told_together_with_their_memory(told, monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda: [Device(), Device()])
    assert told()[0]["devices"] == "2 x gpu NVIDIA H100 (59.5 GiB for JAX)"


@pytest.mark.parametrize(
    ("names", "has_tool", "found"),
    [
        (["nvidia3", "nvidiactl"], False, ("an NVIDIA GPU", NVIDIA)),
        (["nvidiactl", "nvidia-uvm", "dri", "vfio"], True, None),
        (["dxg"], True, ("an NVIDIA GPU", NVIDIA)),
        (["dxg"], False, None),
        (["accel0"], False, ("a TPU", "pip install 'wann_jax[tpu]'")),
        (["accel"], False, None),
        ([], True, None),
    ],
)
def test_accelerators_are_known_by_the_files_of_their_drivers(device_files, names, has_tool, found):
    for name in names:
        (device_files / name).touch()
    assert devices.accelerator(device_files, lambda name: name if has_tool else None) == found


class Plugin:
    name = "xla_cuda13"


def test_an_accelerator_that_jax_does_not_see_is_told_unless_the_user_chose(device_files, told, monkeypatch):
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [])
    assert devices.unused_accelerator() is None
    (device_files / "nvidia0").touch()
    line = f"this machine has an NVIDIA GPU, but JAX sees only the CPU: {NVIDIA}"
    assert told()[1] == [line]
    with monkeypatch.context() as patch:
        patch.setattr("importlib.metadata.entry_points", lambda group: [Plugin()])
        assert devices.unused_accelerator() == (
            "this machine has an NVIDIA GPU, but JAX sees only the CPU: "
            "its plugin is installed (xla_cuda13) and did not start: see what JAX says of it"
        )
    for variable, value in (("CUDA_VISIBLE_DEVICES", ""), ("CUDA_VISIBLE_DEVICES", "-1"), ("JAX_PLATFORMS", "cpu")):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            assert devices.unused_accelerator() is None
    with monkeypatch.context() as patch:
        patch.setattr(jax, "default_backend", lambda: "gpu")
        assert devices.unused_accelerator() is None
    assert devices.unused_accelerator() == line


def test_a_search_tells_of_it_once_and_its_directory_says_what_ran(device_files, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [])
    (device_files / "nvidia0").touch()
    tiny = ("--preset", "quick", "--population-size", "24", "--champion-candidates", "3", "--generations", "2")
    assert main(["search", "xor", *tiny, "--out", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().err == f"{devices.unused_accelerator()}\n"
    document = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (document["kernels"], document["device"]) == ("native" if native_runs() else "xla", "cpu")
