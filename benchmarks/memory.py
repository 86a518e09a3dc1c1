"""How well the estimate of a search's memory (evolution/limits.py) meets what a process takes.

    python -m benchmarks.memory [--generations 3]

Each case is `wann search` in a process of its own, preset `laptop`: its largest resident size against the estimate for
the genomes that it begins with. None of the cases has been used for the estimate's figures.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import wann_jax as wann
from benchmarks.common import write_result
from wann_jax.evolution.limits import GIB, memory_of
from wann_jax.evolution.loop import spec_of

CASES = (("xor", 8192), ("xor", 32_768), ("digits", 2048), ("digits", 8192), ("swingup", 4096))


def estimate_gib(name: str, size: int) -> float:
    """What `check_memory` compares with what there is."""
    config = wann.SearchConfig.preset(name, "laptop", population_size=size)
    return memory_of(config, spec_of(wann.make_task(name), config)) / GIB


def measured(name: str, size: int, generations: int) -> dict[str, Any]:
    """Peak and seconds of a whole command."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        call = [sys.executable, "-m", "wann_jax", "search", name, "--population-size", str(size)]
        call += ["--generations", str(generations), "--out", str(Path(folder) / "run")]
        process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{name}, {size}: exit status {os.waitstatus_to_exitcode(status)}")
    seconds, peak, estimate = time.perf_counter() - began, used.ru_maxrss / 2**20, estimate_gib(name, size)
    facts = {"task": name, "population": size, "seconds": round(seconds, 1)}
    return facts | {"estimate_gib": estimate, "peak_gib": peak, "ratio": estimate / peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=3)
    args = parser.parse_args()
    rows = []
    for name, size in CASES:
        rows.append(measured(name, size, args.generations))
        print(rows[-1], flush=True)
    write_result("memory", {"generations": args.generations, "rows": rows})


if __name__ == "__main__":
    main()
