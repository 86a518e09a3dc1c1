"""What tests of commands share."""

import pytest

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
