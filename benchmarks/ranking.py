"""Ranking: time and memory for populations up to 100,000.

    python -m benchmarks.ranking

Objectives like a search's, the mean return and minus the number of connections (with ties), that go together or
against each other; all individuals in one chain, so that every one is a front; and three objectives. Each row is
measured in a process of its own, so that its peak of memory is its own.
"""

import json
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.common import peak_memory_gib, time_it, write_result
from wann_jax.evolution.ranking import rank
from wann_jax.files import strict_json

SIZES = (960, 8_192, 65_536, 100_000)
KINDS = ("together", "against", "chain", "three")
LARGEST_OF_THREE = 65_536


def main() -> None:
    """With a kind and a size: prints that row. Otherwise all rows, each in a process, into one result file."""
    if len(sys.argv) > 1:
        print(strict_json(row(sys.argv[1], int(sys.argv[2]))))
        return
    rows = []
    for kind in KINDS:
        for size in SIZES:
            if kind == "three" and size > LARGEST_OF_THREE:
                continue
            command = [sys.executable, "-m", "benchmarks.ranking", kind, str(size)]
            rows.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
            print(rows[-1], flush=True)
    print(f"written: {write_result('ranking', {'rows': rows})}")


def row(kind: str, size: int) -> dict[str, Any]:
    """Seconds of one ranking, its number of fronts, and the process's peak of memory."""
    points = jnp.asarray(objectives(kind, size))
    ranked = jax.jit(rank)
    seconds = time_it(lambda: ranked(points), repeats=3)
    num_fronts = int(ranked(points).front.max()) + 1
    return {"objectives": kind, "population": size, "fronts": num_fronts, **seconds, "peak_gib": peak_memory_gib()}


def objectives(kind: str, size: int) -> np.ndarray:
    """[P, M] of one kind."""
    rng = np.random.default_rng(0)
    if kind == "chain":
        return np.stack([np.arange(size)] * 2, axis=1).astype(np.float32)
    connections = np.maximum(rng.poisson(30, size), 1)
    if kind == "three":
        return np.stack([rng.random(size), -connections, rng.random(size)], axis=1).astype(np.float32)
    mean = connections / 30 * {"together": -1.0, "against": 1.0}[kind] + 0.1 * rng.normal(size=size)
    return np.stack([mean, -connections], axis=1).astype(np.float32)


if __name__ == "__main__":
    main()
