"""How much memory an evaluation on an accelerator may take at once: a share of the device's own, or what the user says.

In: bytes for each individual. Out: how many individuals fit. Larger populations are evaluated in so many parts. Also
how much there is in all, on a CPU too.
"""

import contextlib
import math
import os
from pathlib import Path

import jax

from wann_jax.errors import require

VARIABLE = "WANN_DEVICE_MEMORY"  # GiB for one evaluation
GIB = 2**30
SHARE = 0.4  # of what JAX may take: genomes, data and the compiler's own copies need the rest
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of containers and jobs
UNKNOWN_DEVICE = 4 * GIB  # where a device does not say what it has


def individuals_within(bytes_each: int) -> int:
    """How many individuals of this size an evaluation may hold. Raises ConfigError if not even one fits."""
    budget = budget_bytes()
    rule = f"at least the {bytes_each / GIB:.3g} GiB that one individual takes here"
    require(budget >= bytes_each, f"${VARIABLE}, in GiB", rule, round(budget / GIB, 6))
    return budget // bytes_each


def budget_bytes() -> int:
    """Of one evaluation. Raises ConfigError for a $WANN_DEVICE_MEMORY that is no positive number."""
    text = os.environ.get(VARIABLE)
    if text:
        try:
            gib = float(text)
        except ValueError:
            gib = math.nan
        require(0.0 < gib < math.inf, f"${VARIABLE}", "a positive number of GiB", text)
        return int(gib * GIB)
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return UNKNOWN_DEVICE
    limit = (device.memory_stats() or {}).get("bytes_limit", 0)
    return int(SHARE * limit) or UNKNOWN_DEVICE


def total_bytes() -> int:
    """Of the devices that programs run on, all together; on a CPU what this process may have. 0 if that is unknown."""
    devices = jax.local_devices()
    if devices[0].platform != "cpu":
        return sum(int((device.memory_stats() or {}).get("bytes_limit", 0)) for device in devices)
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for name in CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # there is none, or it says "max"
            found.append(int(Path(name).read_text()))
    return min(found)
