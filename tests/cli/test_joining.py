"""Several processes that search as one by the command line: the same files, and what a dead one leaves."""

import json
import signal
import socket
import subprocess
import sys
import time

import pytest

from wann_jax.cli import joining, main

SEARCH = ["search", "xor", "--preset", "quick", "--population-size", "14", "--checkpoint-interval", "3"]
SEARCH += ["--tournament-size", "4", "--champion-candidates", "3", "--connection-limit", "9"]


# Each process has half of the population, as of a large one.
DIVIDED = """
import sys
from wann_jax import cli, devices
devices.LEAST_DIVIDED = 0
sys.exit(cli.main(sys.argv[1:]))
"""


def begin(folder, generations):
    """Two processes that run the same command."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    call = [sys.executable, "-c", DIVIDED, *SEARCH, "--generations", str(generations), "--out", "run"]
    shared = ["--coordinator", address, "--num-processes", "2", "--process-id"]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)
    return [subprocess.Popen([*call, *shared, str(number)], **pipes) for number in range(2)]


def rows_of(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_two_processes_write_what_one_writes_and_a_dead_one_ends_both(tmp_path, capsys, monkeypatch):
    processes = begin(tmp_path, 10**6)
    run = tmp_path / "run"
    end = time.monotonic() + 200
    while time.monotonic() < end and not (run / "checkpoints" / "9").exists():
        time.sleep(0.1)
    processes[1].send_signal(signal.SIGKILL)
    processes[1].communicate()
    out, err = processes[0].communicate(timeout=90)
    assert processes[0].returncode == 1, err
    assert "written" not in out
    assert "another process of the search has ended" in err.splitlines()[-1]
    assert err.splitlines()[-1].endswith("go on with: wann resume run")
    monkeypatch.chdir(tmp_path)
    total = len(rows_of(run)) + 3
    assert main(["resume", "run", "--generations", str(total)]) == 0
    assert main([*SEARCH, "--generations", str(total), "--out", "alone"]) == 0
    capsys.readouterr()
    assert (run / "champion.json").read_bytes() == (tmp_path / "alone" / "champion.json").read_bytes()
    assert rows_of(run) == rows_of(tmp_path / "alone")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--process-id", "0"), "coordinator, num_processes, process_id must be given together, or not at all; got "),
        (
            ("--coordinator", "host:1", "--num-processes", "2", "--process-id", "2"),
            "process_id must be from 0 to 1; got 2",
        ),
        (
            ("--coordinator", "host:1", "--num-processes", "0", "--process-id", "0"),
            "num_processes must be at least 1; got 0",
        ),
        (
            ("--coordinator", "host", "--num-processes", "2", "--process-id", "0"),
            "coordinator must be HOST:PORT; got 'host'",
        ),
    ],
)
def test_mistakes_are_one_line(options, line, capsys, tmp_path):
    assert main([*SEARCH, "--out", str(tmp_path / "run"), *options]) == 2
    assert capsys.readouterr().err.startswith(f"wann: {line}")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"SLURM_STEP_NUM_TASKS": "1"}, False),
        ({"SLURM_STEP_NUM_TASKS": "4"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "2"}, True),
        ({"TPU_WORKER_HOSTNAMES": "a,b"}, True),
        ({"TPU_WORKER_HOSTNAMES": "localhost"}, False),
        ({"KUBERNETES_SERVICE_HOST": "x"}, False),
        ({"KUBERNETES_SERVICE_HOST": "x", "JOB_COMPLETION_INDEX": "0"}, True),
    ],
)
def test_launchers_are_known_by_their_variables(variables, wanted, monkeypatch):
    for name in (*joining.COUNTS, joining.POD_HOSTS, *joining.KUBERNETES):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    called = []
    monkeypatch.setattr(joining.jax.distributed, "initialize", lambda **given: called.append(given))
    joining.join(joining.Processes())
    assert bool(called) == wanted
