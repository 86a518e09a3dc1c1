"""How time grows: with the population, with hidden nodes, and with the number of host devices.

    python -m benchmarks.scaling

MNIST sizes: six weights x 1000 images, cross-entropy included; four connections for each hidden node.
"""

import json
import os
import subprocess
import sys
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import wann_jax as wann
from benchmarks.common import time_it, write_result
from benchmarks.genomes import random_genomes
from wann_jax.devices import over_population, replicated
from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.files import strict_json
from wann_jax.kernels.losses import CrossEntropy

POPULATIONS = (64, 256, 1024, 4096, 8192)
HIDDEN = (16, 64, 128, 256, 512, 1024)


def main() -> None:
    """Runs everything and writes one result file; with an argument, one measurement for the parent process."""
    if sys.argv[1:] == ["one"]:
        print(strict_json({"mnist": evaluation(192, 340, 1849), "swing-up": rollout_seconds(192)}))
        return
    by_population = {size: evaluation(size, 64, 256) for size in POPULATIONS}
    by_hidden = {hidden: evaluation(192, hidden, 4 * hidden) for hidden in HIDDEN}
    devices = {count: in_process_with(count) for count in (1, 2)}
    document = {
        "seconds_by_population": by_population,
        "seconds_by_hidden": by_hidden,
        "growth_64_to_512": by_hidden[512] / by_hidden[64],
        "seconds_by_devices": devices,
        "times_faster_on_2_devices": {name: devices[1][name] / devices[2][name] for name in devices[1]},
    }
    print(document, f"written: {write_result('scaling', document)}")


def evaluation(population: int, hidden: int, connections: int) -> float:
    """Median seconds to evaluate a population on 1000 images."""
    random = np.random.default_rng(0)
    inputs = jnp.asarray(random.random((1000, 256), np.float32))
    labels, weights = jnp.asarray(random.integers(0, 10, 1000)), jnp.asarray(PUBLISHED_WEIGHTS)
    genomes = random_genomes(population, 256, 10, hidden, connections)
    networks = jax.device_put(jax.jit(jax.vmap(wann.express))(genomes), replicated())
    run = partial(wann.forward_samples, summarise=CrossEntropy(labels))
    program = jax.jit(lambda networks: over_population(run)(networks, weights, inputs))
    return time_it(partial(program, networks), 5)["median"]


def rollout_seconds(population: int) -> float:
    """Median seconds of swing-up episodes at champion size, none of which ends early."""
    task: Any = wann.make_task("swingup")
    task = task.replace(env_params=task.env_params.replace(track_half_length=1e6))
    genomes = random_genomes(population, 5, 1, 23, 52)
    networks = jax.device_put(jax.jit(jax.vmap(wann.express))(genomes), replicated())
    weights = jnp.asarray(PUBLISHED_WEIGHTS)

    def run(networks, task, key):
        return task.rollout(networks, weights, key, 3)

    program = jax.jit(lambda networks, task, key: over_population(run)(networks, task, key))
    return time_it(partial(program, networks, task, jax.random.key(0)), 7)["median"]


def in_process_with(num_devices: int) -> dict[str, float]:
    """The measurements of a fresh process with so many host devices."""
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": str(num_devices)}
    call = [sys.executable, "-m", "benchmarks.scaling", "one"]
    done = subprocess.run(call, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
