"""One process at a time, also where a disk knows no locks; the lock of a dead process is taken over."""

import errno
import subprocess
import sys

import filelock
import pytest

from wann_jax.errors import CheckpointError
from wann_jax.runs.holding import LOCK_FILE, held

DIE_HOLDING = "import filelock, os, sys; lock = filelock.{kind}(sys.argv[1]); lock.acquire(); os._exit(9)"


@pytest.fixture(params=["FileLock", "SoftFileLock"])
def kind(request, monkeypatch):
    """Disks with and without flock."""

    def refuse(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    if request.param == "SoftFileLock":
        monkeypatch.setattr("fcntl.flock", refuse)
    return request.param


def test_the_second_is_refused_until_the_first_has_ended(tmp_path, kind):
    for _ in range(2):
        with held(tmp_path):
            with (
                pytest.raises(CheckpointError, match=r"must be one that no other process is writing; one is$"),
                held(tmp_path),
            ):
                pytest.fail("two held it")
            assert (tmp_path / LOCK_FILE).exists()
        assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path, kind):
    path = tmp_path / LOCK_FILE
    assert subprocess.run([sys.executable, "-c", DIE_HOLDING.format(kind=kind), path], check=False).returncode == 9
    assert path.exists()
    with held(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_only_ones_own_lock_is_removed(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with held(run):
        run.rename(tmp_path / "moved")
        run.mkdir()
        (run / LOCK_FILE).touch()
    assert (run / LOCK_FILE).exists()


def test_a_directory_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(CheckpointError, match="must be a directory that can be written; got"), held(tmp_path):
        pytest.fail("no lock can be there")
    assert issubclass(filelock.Timeout, OSError)  # so that it must be caught first
