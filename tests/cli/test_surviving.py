"""Runs that are killed, stopped, moved, damaged or met by a second process: nothing is lost, and one line tells."""

import contextlib
import json
import resource
import shutil
import signal
from pathlib import Path

import pytest

from tests.cli.helpers import SEARCH, assert_same_run, rows
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.holding import held


class Killed(BaseException):
    """As by kill -9: nothing can be written any more."""


@pytest.fixture(scope="module", autouse=True)
def no_unused_accelerator(tmp_path_factory):
    """Of an accelerator that JAX does not see a search would tell: see test_devices.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wann_jax.cli.devices.DEVICE_FILES", tmp_path_factory.mktemp("dev"))
        yield


@pytest.fixture
def whole(finished):
    """The directory of an uninterrupted run."""
    return finished[0]


@pytest.fixture
def run(whole, tmp_path):
    """A copy of it that may be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def kill_at(patch, writes):
    """Every attempt to write fails after so many, as for a process that is no more; gives the count of them."""
    count, writing = [0], RunDirectory._writing

    @contextlib.contextmanager
    def killed(self):
        count[0] += 1
        if count[0] > writes:
            raise Killed
        with writing(self):
            yield

    patch.setattr(RunDirectory, "_writing", killed)
    patch.setattr(RunDirectory, "discard_unbegun", lambda run: None)
    return count


def test_a_run_killed_before_any_of_its_writes_ends_like_one_that_was_not(wann, whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        count = kill_at(patch, 10**6)
        assert wann(*SEARCH, "--out", "counted")[0] == 0
    last = count[0] - 1
    assert last > 15
    for writes in (0, 1, 2, 4, last - 2, last):
        path = Path(f"killed-{writes}")
        with monkeypatch.context() as patch:
            kill_at(patch, writes)
            with pytest.raises(Killed):
                wann(*SEARCH, "--out", path)
        again = ("resume", path) if (path / "config.json").exists() else (*SEARCH, "--out", path)
        assert wann(*again)[0] == 0
        assert_same_run(path, whole)


def test_a_champion_older_than_the_last_checkpoint_is_written_again(wann, whole, run):
    shutil.copy(sorted((run / "champions").iterdir())[0], run / "champion.json")
    assert wann("resume", run)[0] == 0
    assert_same_run(run, whole)


def test_what_a_start_left_that_was_killed_is_no_obstacle(wann, whole, tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    for name in ("initial.json", "initial.json.partial", "config.json.partial", "lock"):
        (path / name).write_text("{")
    assert wann(*SEARCH, "--out", path)[0] == 0
    assert_same_run(path, whole)
    assert not {"initial.json", "config.json.partial", "lock"} & {file.name for file in path.iterdir()}
    (path / "mine").write_text("{")
    assert wann(*SEARCH, "--out", path)[0] == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_end_a_run_like_ctrl_c(wann, whole, tmp_path, monkeypatch, number):
    append, path = RunDirectory.append_metrics, tmp_path / "run"
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("this process was told to ignore it, as by nohup, and so does a run")

    def append_and_end(run, dispatch):
        append(run, dispatch)
        if dispatch.metrics.generation[-1] == 1:
            signal.raise_signal(number)
            signal.raise_signal(number)  # a second one is no reason to lose anything

    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "append_metrics", append_and_end)
        status, out, err = wann(*SEARCH, "--out", path)
    assert signal.getsignal(number) is before
    assert (status, out) == (128 + number, "")
    assert err == f"stopped after generation 2; go on with: wann resume {path}\n"
    assert [file.name for file in (path / "checkpoints").iterdir()] == ["2"]
    assert wann("resume", path)[0] == 0
    assert_same_run(path, whole)


def test_a_second_process_is_refused(wann, whole, run):
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    with held(run):
        for command in (("resume", run), (*SEARCH, "--out", run)):
            status, out, err = wann(*command)
            assert (status, out, err.count("\n")) == (2, "", 1)
        assert wann("resume", run)[2] == (
            f"wann: run {str(run)!r} must be one that no other process is writing; one is\n"
        )
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before
    assert wann("resume", run)[0] == 0


def test_a_directory_that_is_moved_while_its_run_goes_on(wann, whole, tmp_path, monkeypatch):
    append, path, moved = RunDirectory.append_metrics, tmp_path / "run", tmp_path / "moved"

    def append_and_move(run, dispatch):
        append(run, dispatch)
        if dispatch.metrics.generation[-1] >= 4 and not moved.exists():
            path.rename(moved)

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "append_metrics", append_and_move)
        status, out, err = wann(*SEARCH, "--out", path)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(
        f"wann: run {str(path)!r} must be left where it is while it runs (wann resume goes on with it"
    )
    assert not path.exists()
    assert wann("resume", moved)[0] == 0
    assert_same_run(moved, whole)


@pytest.mark.parametrize("size", [100, 1500, 3000])
def test_a_disk_that_is_full_is_told_in_one_line(wann, whole, tmp_path, monkeypatch, size):
    """A limit on the size of files stands in for it; Python and the libraries below meet an error like that one."""
    append, path = RunDirectory.append_metrics, tmp_path / "run"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def append_and_fill(run, dispatch):
        append(run, dispatch)
        if dispatch.metrics.generation[-1] >= 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "append_metrics", append_and_fill)
        try:
            status, out, err = wann(*SEARCH, "--out", path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith(f"wann: run {str(path)!r} cannot be written: File too large")
    assert err.endswith(f"what was saved before is whole, go on with: wann resume {path}\n")
    assert wann("resume", path)[0] == 0
    assert_same_run(path, whole)


def test_what_cannot_be_written_on_resume_is_one_line(wann, run):
    (run / "metrics.csv").unlink()
    (run / "metrics.csv").mkdir()
    status, out, err = wann("resume", run)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert f"run {str(run)!r} cannot be written: Is a directory" in err


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(wann, whole, run):
    for file in (run / "checkpoints" / "12").rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    status, _, err = wann("resume", run)
    assert (status, err.count("\n")) == (0, 1)
    assert err.startswith(f"checkpoint {run / 'checkpoints' / '12'} cannot be read (")
    assert err.endswith("): going on from generation 8\n")
    assert_same_run(run, whole)
    assert sorted(file.name for file in (run / "checkpoints").iterdir()) == ["12", "8"]
    assert wann("resume", run)[::2] == (0, "")  # it is whole again


def test_damaged_rows_are_named_and_the_rest_is_kept(wann, whole, run):
    lines = (run / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"generation", b"generat\xffon")
    lines[5] = lines[5][:40] + b"\n"
    damaged = b"".join(lines)
    (run / "metrics.jsonl").write_bytes(damaged)
    status, out, err = wann("report", run)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "metrics.jsonl must be lines that are rows of metrics" in err
    assert "got 'line 3, 6'" in err
    status, _, err = wann("resume", run)
    kept = run / "metrics.jsonl.damaged"
    assert (status, err) == (
        0,
        f"{run / 'metrics.jsonl'} has no whole row of generation 2, 5; as it was, it is kept as {kept}\n",
    )
    assert kept.read_bytes() == damaged
    assert rows(run) == [row for row in rows(whole) if row["generation"] not in (2, 5)]


def test_other_kernels_are_told_and_noted(wann, whole, run):
    document = json.loads((run / "config.json").read_text())
    here = document["kernels"]
    (run / "config.json").write_text(json.dumps({**document, "kernels": "pallas"}))
    status, _, err = wann("resume", run, "--generations", "13")
    words = "what follows equals an uninterrupted run to rounding only"
    assert (status, err) == (
        0,
        f"the run was made with the kernels 'pallas' and goes on with {here!r}: {words}\n",
    )
    document = json.loads((run / "config.json").read_text())
    assert (document["kernels"], document["changes"]) == (here, [{"generation": 12, "kernels": "pallas"}])
    assert rows(run)[-1]["champion_score"] == rows(whole)[-1]["champion_score"]  # it was not judged anew


def test_other_settings_hold_also_if_killed_before_the_next_checkpoint(wann, run, tmp_path, monkeypatch):
    other = shutil.copytree(run, tmp_path / "other")
    changed = ("--shared-weights=40,50", "--generations", "20")
    assert wann("resume", other, *changed)[0] == 0
    with monkeypatch.context() as patch:
        kill_at(patch, 4)
        with pytest.raises(Killed):
            wann("resume", run, *changed)
    assert json.loads((run / "config.json").read_text())["config"]["generations"] == 20
    assert wann("resume", run)[0] == 0
    assert_same_run(run, other)
