"""Processes that search as one: `--coordinator HOST:PORT --num-processes N --process-id I`, or a cluster's word.

In: options, or what a cluster's launcher has set. Out: JAX's processes, connected, before JAX starts. Every process
runs the same command; the first one alone writes files and shows progress.
"""

import contextlib
import dataclasses
import os
from collections.abc import Iterator

import jax

from wann_jax.errors import WannError, require
from wann_jax.native import tell

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


@contextlib.contextmanager
def ending_together(advice: str) -> Iterator[None]:
    """Ends this process, with one line, where another one of the search has ended in the middle of it."""
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:  # as collectives say it
        if jax.process_count() == 1 or isinstance(error, WannError):
            raise
        tell(f"wann: another process of the search has ended ({str(error).splitlines()[0][:100]}); {advice}")
        os._exit(1)  # JAX would wait for the others, and abort


def _in_cluster() -> bool:
    """Whether a launcher has begun this process as one of several, and JAX can tell which."""
    has_count = any(os.environ.get(name, "1") not in ("", "1") for name in COUNTS)
    return has_count or "," in os.environ.get(POD_HOSTS, "") or all(name in os.environ for name in KUBERNETES)
