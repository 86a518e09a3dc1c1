"""The evaluation kernels at the sizes that matter, against the peers and the machine's floor.

    python -m benchmarks.kernels [--original DIR] [--tensorneat DIR] [--evojax DIR]

MNIST: networks x six weights x 1000 images, cross-entropy included. Swing-up: networks x six weights x 3 episodes x
1000 steps, environment included. All cores; ratios are taken within this one run. TensorNEAT, evosax and EvoJAX get
`--peer-networks` networks in a call, and what they are compared with is our time for as many.
"""

import argparse
from functools import partial
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

import wann_jax as wann
from benchmarks.common import time_it, write_result
from benchmarks.floor import floor_seconds, machine_rates
from benchmarks.genomes import random_genomes
from benchmarks.peer_rollouts import EvoJax, Evosax
from benchmarks.peer_tensorneat import TensorNeat
from benchmarks.peers import Original, load_peer
from wann_jax import native
from wann_jax.devices import over_population, replicated
from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.genomes.genome import Genome
from wann_jax.kernels.losses import CrossEntropy
from wann_jax.networks.network import Network

NUM_SAMPLES, MAX_STEPS = 1000, 1000
NUM_SWINGUP = 192  # networks
MNIST_SIZES = {  # name: hidden nodes, connections, individuals for XLA alone
    "mnist, start of a search (120 connections)": (0, 120, 960),
    "mnist, 1849 connections, 340 hidden": (340, 1849, 192),
    "mnist, 500 nodes, 1849 connections": (233, 1849, 192),
    "mnist, 1849 connections, 880 hidden": (880, 1849, 96),
}


PEERS = ("original", "tensorneat", "evosax", "evojax", "evojax_mlp")


def main() -> None:
    """Runs everything and writes one result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--original", help="checkout of google/brain-tokyo-workshop")
    parser.add_argument("--tensorneat", help="checkout of EMI-Group/tensorneat; it needs sympy")
    parser.add_argument("--evojax", help="checkout of google/evojax")
    parser.add_argument("--peer-networks", type=int, default=32)
    args = parser.parse_args()
    if not 1 <= args.peer_networks <= NUM_SWINGUP:
        parser.error(f"--peer-networks must be between 1 and {NUM_SWINGUP}; got {args.peer_networks}")
    peers = {
        "original": load_peer(Original, args.original),
        "tensorneat": load_peer(TensorNeat, args.tensorneat),
        "evojax": load_peer(EvoJax, args.evojax),
        "evosax": Evosax(),
    }
    rates = machine_rates()
    rows = [mnist_row(name, *sizes, rates, peers, args.peer_networks) for name, sizes in MNIST_SIZES.items()]
    rows += [swingup_row(peers, args.peer_networks), biped_row()]
    commits = {name: peer.commit for name, peer in peers.items() if peer is not None}
    print(f"written: {write_result('kernels', {'peers': commits, 'machine_rates': rates, 'rows': rows})}")


def kernels(name: str) -> Any:
    """Programs traced inside use the native or the XLA kernels."""
    return mock.patch.object(native, "available", return_value=name == "native")


def available_kernels() -> list[str]:
    """The native one only where it can be compiled."""
    return ["native", "xla"] if native.available() else ["xla"]


def express_all(genomes: Genome) -> Network:
    """The compiled networks, on every device."""
    networks = jax.jit(jax.vmap(wann.express))(genomes)
    return jax.device_put(networks, replicated())


def some_of(networks: Any, count: int) -> Any:
    """The first ones of a batch of genomes or networks."""
    return jax.tree.map(lambda table: table[:count], networks)


def mnist_row(
    name: str, hidden: int, connections: int, xla_size: int, rates: Any, peers: dict[str, Any], num_peers: int
) -> Any:
    """Milliseconds per individual (six weights x 1000 images)."""
    random = np.random.default_rng(0)
    inputs, labels = random.random((NUM_SAMPLES, 256), np.float32), jnp.asarray(random.integers(0, 10, NUM_SAMPLES))
    weights = jnp.asarray(PUBLISHED_WEIGHTS)
    genomes = random_genomes(960, 256, 10, hidden, connections)
    row: dict[str, Any] = {"name": name, "unit": "ms per individual (6 weights x 1000 images)", "compile_seconds": {}}
    networks = express_all(genomes)

    def losses_of(kernel, size):
        """A call that gives them for so many networks; the first one compiles."""
        with kernels(kernel):
            run = partial(wann.forward_samples, summarise=CrossEntropy(labels))
            program = jax.jit(lambda networks, inputs: over_population(run)(networks, weights, inputs))
            call = partial(program, some_of(networks, size), jnp.asarray(inputs))
            return call, time_it(call, 5)

    for kernel in available_kernels():
        size = 960 if kernel == "native" else xla_size
        _, times = losses_of(kernel, size)
        row[kernel] = quartiles(times, 1e3 / size)
        row["compile_seconds"][kernel] = times["first_call"] - times["median"]
    best = row[available_kernels()[0]]["median"]
    row["floor_share"] = floor_seconds(networks, len(PUBLISHED_WEIGHTS), NUM_SAMPLES, rates) / 960 * 1e3 / best
    if peers["original"] is not None:
        one = jax.tree.map(lambda table: table[0], genomes)
        seconds = [peers["original"].seconds_per_individual(one, PUBLISHED_WEIGHTS, inputs) for _ in range(3)]
        row["original"] = {"median": sorted(seconds)[1] * 1e3}
    if peers["tensorneat"] is not None and "500 nodes" in name:
        found, times = peers["tensorneat"].time_images(some_of(genomes, num_peers), weights, inputs, labels)
        call, ours = losses_of(available_kernels()[0], num_peers)
        row["tensorneat"] = quartiles(times, 1e3 / num_peers) | {
            "networks": num_peers,
            "ours": ours["median"] * 1e3 / num_peers,
            "largest_relative_difference": float(jnp.max(jnp.abs(found / call() - 1.0))),
        }
    return with_ratios(row, lower_is_better=True)


def swingup_row(peers: dict[str, Any], num_peers: int) -> Any:
    """Environment steps per second at the size of the paper's champion; no episode ends early."""
    task: Any = wann.make_task("swingup")
    task = task.replace(env_params=task.env_params.replace(track_half_length=1e6))
    weights, episodes = jnp.asarray(PUBLISHED_WEIGHTS), 3
    genomes = random_genomes(NUM_SWINGUP, 5, 1, 23, 52)
    row: dict[str, Any] = {"name": "swing-up, 52 connections, 23 hidden", "unit": "environment steps per second"}
    networks = express_all(genomes)
    steps = len(PUBLISHED_WEIGHTS) * episodes * MAX_STEPS  # of a network

    def times_of(kernel, size):
        with kernels(kernel):
            program = jax.jit(
                lambda networks, task, key: over_population(
                    lambda networks, task, key: task.rollout(networks, weights, key, episodes)
                )(networks, task, key)
            )
            return time_it(partial(program, some_of(networks, size), task, jax.random.key(0)), 7)

    for kernel in available_kernels():
        row[kernel] = rates_of(times_of(kernel, NUM_SWINGUP), NUM_SWINGUP * steps)
    if peers["original"] is not None:
        one = jax.tree.map(lambda table: table[0], genomes)
        seconds = [peers["original"].seconds_per_step(one, 3000) for _ in range(3)]
        row["original"] = {"median": 1.0 / sorted(seconds)[1]}
    some = some_of(networks, num_peers)
    times = {"evosax": peers["evosax"].time(some, weights, episodes, track_half_length=1e6)}
    if peers["tensorneat"] is not None:
        some_genomes, env, params = some_of(genomes, num_peers), task.env, task.env_params
        times["tensorneat"] = peers["tensorneat"].time_episodes(some_genomes, weights, env, params, episodes)
    if peers["evojax"] is not None:
        times["evojax"] = peers["evojax"].time(some, weights, episodes, MAX_STEPS)
        times["evojax_mlp"] = peers["evojax"].time_mlp(num_peers * len(weights), episodes, MAX_STEPS)
    ours = rates_of(times_of(available_kernels()[0], num_peers), num_peers * steps)["median"]
    for peer, found in times.items():
        row[peer] = rates_of(found, num_peers * steps) | {"networks": num_peers, "ours": ours}
    return with_ratios(row, lower_is_better=False)


def biped_row() -> Any:
    """`forward_lanes` alone, at the largest size that a bipedal walker needs."""
    size, lanes, steps = 480, 24, 100
    genomes = random_genomes(size, 24, 4, 74, 210)
    weights = jnp.repeat(jnp.asarray(PUBLISHED_WEIGHTS), 4)
    row: dict[str, Any] = {"name": "biped size, 210 connections, 74 hidden", "unit": "network passes per second"}
    networks = express_all(genomes)

    def loop(networks):
        def step(_, outputs):
            inputs = jnp.tile(outputs, (1, 1, 6))
            return wann.forward_lanes(networks, weights, jnp.clip(inputs, -1.0, 1.0))

        return jax.lax.fori_loop(0, steps, step, jnp.ones((networks.num_rows.shape[0], lanes, 4)))

    for kernel in available_kernels():
        with kernels(kernel):
            program = jax.jit(lambda networks: over_population(loop)(networks))
            times = time_it(partial(program, networks), 5)
        passes = size * lanes * steps
        row[kernel] = rates_of(times, passes)
    return with_ratios(row, lower_is_better=False)


def quartiles(times: dict[str, float], scale: float) -> dict[str, float]:
    """The middle of the measured times, scaled."""
    return {name: times[name] * scale for name in ("median", "lower_quartile", "upper_quartile")}


def rates_of(times: dict[str, float], work: int) -> dict[str, float]:
    """Work per second."""
    return {name: work / times[name] for name in ("median", "lower_quartile", "upper_quartile")}


def with_ratios(row: dict[str, Any], lower_is_better: bool) -> dict[str, Any]:
    """Adds how many times faster the kernel that is chosen by default is than each other one, and prints the row.

    A peer that got fewer networks is compared with our time for as many.
    """
    chosen = available_kernels()[0]
    row["times_faster_than"] = {}
    for other in ("xla", *PEERS):
        if other in row and other != chosen:
            ratio = row[other]["median"] / row[other].get("ours", row[chosen]["median"])
            row["times_faster_than"][other] = ratio if lower_is_better else 1.0 / ratio
    shown = {name: round(ratio, 1) for name, ratio in row["times_faster_than"].items()}
    print(f"{row['name']}: {row[chosen]['median']:.4g} {row['unit']}; times faster than {shown}", flush=True)
    return row


if __name__ == "__main__":
    main()
