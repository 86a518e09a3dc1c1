"""Processes that search as one: `--coordinator HOST:PORT --num-processes N --process-id I`, or a cluster's word.

In: options, or what a cluster's launcher has set. Out: JAX's processes, connected, before JAX starts. Every process
runs the same command; the first one alone writes files and shows progress.
"""

import dataclasses
import os

import jax

from wann_jax.errors import require

HEARTBEAT = 30  # s after which a process that says nothing counts as dead, and ends the others
# Set by launchers, with more processes than one: mpirun's and srun's numbers of processes.
COUNTS = ("OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
POD_HOSTS = "TPU_WORKER_HOSTNAMES"  # separated by commas
KUBERNETES = ("KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX")


@dataclasses.dataclass(frozen=True)
class Processes:
    """Which process this is of how many. Nothing where there is one, or where JAX finds the others by itself."""

    coordinator: str | None = None
    """HOST:PORT of the first process, for several that search as one; SLURM, Open MPI, TPU pods and indexed Kubernetes
    jobs need none of these three."""
    num_processes: int | None = None
    """How many processes there are."""
    process_id: int | None = None
    """Which one this is, from 0."""


def join(processes: Processes) -> None:
    """Connects the processes, if there are more than one. Raises ConfigError for options that make no sense."""
    given = {name: value for name, value in vars(processes).items() if value is not None}
    if not given:
        if _in_cluster():
            jax.distributed.initialize(heartbeat_timeout_seconds=HEARTBEAT)
        return
    missing = [name for name in vars(processes) if name not in given]
    require(not missing, "coordinator, num_processes, process_id", "given together, or not at all", given)
    count, number = processes.num_processes or 0, processes.process_id
    require(count >= 1, "num_processes", "at least 1", count)
    require(number in range(count), "process_id", f"from 0 to {count - 1}", number)
    address = processes.coordinator or ""
    host, _, port = address.rpartition(":")
    require(bool(host) and port.isdecimal(), "coordinator", "HOST:PORT", address)
    jax.distributed.initialize(address, count, number, heartbeat_timeout_seconds=HEARTBEAT)


def _in_cluster() -> bool:
    """Whether a launcher has begun this process as one of several, and JAX can tell which."""
    has_count = any(os.environ.get(name, "1") not in ("", "1") for name in COUNTS)
    return has_count or "," in os.environ.get(POD_HOSTS, "") or all(name in os.environ for name in KUBERNETES)
