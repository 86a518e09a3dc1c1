"""What tests of commands share."""

import contextlib
import io

import pytest

from tests.cli.helpers import SEARCH
from wann_jax.cli import main


@pytest.fixture
def wann(capsys, monkeypatch, tmp_path):
    """Runs the command line in a directory of its own; gives exit status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def call(*args):
        capsys.readouterr()
        status = main([str(arg) for arg in args])
        return status, *capsys.readouterr()

    return call


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run directory of an uninterrupted search, and what was printed."""
    path = tmp_path_factory.mktemp("cli") / "run"
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        patch.setattr("wann_jax.cli.devices.DEVICE_FILES", path.parent)  # no accelerator that JAX does not see
        assert main([*SEARCH, "--out", str(path)]) == 0
    return path, out.getvalue(), err.getvalue()
