"""How each part of a generation, and memory, grow with the population.

    python -m benchmarks.populations [--sizes 1024 4096 16384 65536] [--tasks xor digits]
    python -m benchmarks.populations --devices 1 8 --sizes 65536 --tasks xor

Genomes of a search's first generations, with room for 32 hidden nodes or more; each size in a process of its own, so
that its peak of memory is its own. Parts are timed alone; a generation is the whole program, as a search runs it. With
--devices, instead: how many bytes of genomes each of so many devices of a CPU has after two generations, as one
population and as islands, and a hash of the genomes, which is the same for all numbers of devices.
"""

import argparse
import hashlib
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
from benchmarks.common import peak_memory_gib, time_it, write_result
from wann_jax.devices import place_everywhere, placed
from wann_jax.evolution.generation import homes_of, init, run_generations
from wann_jax.evolution.loop import spec_of, start
from wann_jax.evolution.ranking import rank
from wann_jax.evolution.selection import choose_parents
from wann_jax.files import strict_json
from wann_jax.genomes.population import Pairs, breed
from wann_jax.tasks.registry import find_spec

SIZES = (1024, 4096, 16_384, 65_536)
WARM_UP = 5  # generations before anything is timed


def measured(name: str, size: int) -> dict[str, Any]:
    """Seconds of each part and of a generation, and peak memory, of this process."""
    options = find_spec(name).preset(name, "laptop").options
    task: Any = wann.make_task(name, **options)
    config = wann.SearchConfig.preset(name, "laptop", population_size=size, generations=1000)
    state = init(jax.random.key(0), config, spec_of(task, config))
    state, _ = run_generations(config, state, task, jnp.int32(WARM_UP))
    weights, key = jnp.asarray(config.shared_weights), jax.random.key(1)
    networks = jax.jit(jax.vmap(wann.express))(state.genomes)
    evaluate = jax.jit(lambda networks, task: task.evaluate(networks, weights, key, config.episodes))
    returns = evaluate(networks, task).returns
    points = jnp.stack([returns.mean(-1), -state.genomes.num_enabled.astype(jnp.float32)], axis=-1)
    order = jax.jit(rank)(points).order

    def children(genomes, order):
        sizes = (config.num_breeders, config.num_elites, config.tournament_size)
        choice = choose_parents(jax.random.key(2), order[None], *sizes)
        pairs = Pairs(choice.parents, choice.partners, jnp.zeros(size, bool))
        return breed(jax.random.key(3), genomes, pairs, config.mutation_rates, choice.passes, jnp.int32(10**6))

    seconds = {
        "express": time_it(partial(jax.jit(jax.vmap(wann.express)), state.genomes), 3)["median"],
        "evaluate": time_it(partial(evaluate, networks, task), 3)["median"],
        "rank": time_it(partial(jax.jit(rank), points), 3)["median"],
        "choose and breed": time_it(partial(jax.jit(children), state.genomes, order), 3)["median"],
    }
    bytes_each = sum(leaf.nbytes for leaf in jax.tree.leaves(state.genomes)) / size
    peak_of_parts = peak_memory_gib()

    def generation():
        nonlocal state
        state, metrics = run_generations(config, state, task, jnp.int32(1))
        return metrics.return_max

    seconds["generation"] = time_it(generation, 3)["median"]
    facts = {"task": name, "population": size, "genome_bytes": bytes_each}
    return facts | {"seconds": seconds, "peak_gib_of_parts": peak_of_parts, "peak_gib": peak_memory_gib()}


def shares_of(name: str, size: int, islands: int) -> dict[str, Any]:
    """Bytes of genomes on each device after two generations, and a hash of them."""
    options = find_spec(name).preset(name, "laptop").options
    changes = dict(population_size=size, generations=2, islands=islands, migration_interval=1)
    config = wann.SearchConfig.preset(name, "laptop", **changes)
    task: Any = wann.make_task(name, **options)
    state = start(task, config, 0)
    state, _ = run_generations(config, placed(state, homes_of(state)), place_everywhere(task), jnp.int32(2))
    tables = jax.tree.leaves(state.genomes)
    held = dict.fromkeys(jax.devices(), 0)
    for shard in (shard for table in tables for shard in table.addressable_shards):
        held[shard.device] += shard.data.nbytes
    found = hashlib.sha256(b"".join(np.asarray(table).tobytes() for table in tables)).hexdigest()
    facts = {"task": name, "population": size, "islands": islands, "devices": len(held)}
    return facts | {"bytes_on_each": sorted({*held.values()}), "sha256": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--tasks", nargs="+", default=["xor", "digits"])
    parser.add_argument("--devices", type=int, nargs="+", default=[], help="numbers of them to divide genomes among")
    parser.add_argument("--islands", type=int, nargs="+", default=[1, 8], help="with --devices")
    parser.add_argument("--one", action="store_true", help="one size of one task, here, for the parent process")
    args = parser.parse_args()
    if args.one:
        name, size = args.tasks[0], args.sizes[0]
        print(strict_json(shares_of(name, size, args.islands[0]) if args.devices else measured(name, size)))
        return
    chosen = [["--tasks", name, "--sizes", str(size)] for name in args.tasks for size in args.sizes]
    of_devices = [["--devices", str(count), "--islands", str(k)] for count in args.devices for k in args.islands]
    rows = []
    for options in [[*options, *more] for options in chosen for more in of_devices or [[]]]:
        count = {"JAX_NUM_CPU_DEVICES": options[options.index("--devices") + 1]} if args.devices else {}
        call = [sys.executable, "-m", "benchmarks.populations", "--one", *options]
        done = subprocess.run(call, capture_output=True, text=True, check=False, env=os.environ | count)
        if done.returncode != 0:
            sys.exit(f"{options}: {done.stderr}")
        print(done.stdout.splitlines()[-1], flush=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        write_result("shares" if args.devices else "populations", {"rows": rows})


if __name__ == "__main__":
    main()
