"""The rest of a generation: what is not evaluation, part by part and as a share of the whole.

    python -m benchmarks.generation

Genomes of the size of the paper's MNIST champion (1849 connections, 340 hidden nodes) on random images; and a
`laptop` swing-up search after 100 generations. Also: compile time of a bucket, peak memory, start of the command line.
"""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import wann_jax as wann
from benchmarks.common import peak_memory_gib, time_it, write_result
from benchmarks.genomes import random_genomes
from wann_jax.devices import over_population, replicated
from wann_jax.evolution import generation as search
from wann_jax.evolution.ranking import rank
from wann_jax.evolution.selection import choose_parents
from wann_jax.genomes.genome import Genome
from wann_jax.genomes.population import Pairs, breed

CHAMPION_SIZE = (340, 1849)
NUM_IMAGES = 55_000


def main() -> None:
    """Runs everything and writes one result file."""
    mnist = share_at_champion_size()
    mnist["peak_memory_gib"] = peak_memory_gib()
    swingup = share_of_search("swingup", "laptop", 100)
    parts = [parts_of(size) for size in (192, 960, 4096)]
    document = {"mnist": mnist, "swingup": swingup, "parts": parts, "command_line_seconds": command_line_seconds()}
    print(f"written: {write_result('generation', document)}")


def parts_of(population_size: int) -> dict[str, Any]:
    """Milliseconds of ranking, choosing parents, breeding and compiling networks."""
    genomes = random_genomes(population_size, 256, 10, *CHAMPION_SIZE)
    genomes = jax.device_put(genomes, replicated())
    config = wann.SearchConfig.preset("mnist", "paper", population_size=population_size)
    points = jax.random.normal(jax.random.key(0), (population_size, 2))
    sizes = (config.num_breeders, config.num_elites, config.tournament_size)
    choice = choose_parents(jax.random.key(1), rank(points).order[None], *sizes)
    chosen = Pairs(choice.parents, choice.partners, jnp.zeros(population_size, bool))

    def compiled(genomes):
        networks = over_population(jax.vmap(wann.express))(genomes)
        return networks.row_source, networks.sum_source, networks.row_activation, networks.num_rows

    def children(genomes, pairs):
        return breed(jax.random.key(2), genomes, pairs, config.mutation_rates, choice.passes, jnp.int32(0))

    programs: dict[str, Callable[[], Any]] = {
        "rank": partial(jax.jit(rank), points),
        "breed": partial(jax.jit(children), genomes, chosen),
        "express": partial(jax.jit(compiled), genomes),
    }
    row = {name: time_it(program)["median"] * 1e3 for name, program in programs.items()}
    print(population_size, {name: f"{value:.1f} ms" for name, value in row.items()}, flush=True)
    return {"population_size": population_size, "milliseconds": row}


def share_at_champion_size() -> dict[str, Any]:
    """Of a population of 960 with genomes of the paper's champion size."""
    random = np.random.default_rng(0)
    images, labels = random.random((NUM_IMAGES, 256), np.float32), random.integers(0, 10, NUM_IMAGES)
    splits = ("train", "validation", "test")
    dataset = wann.Dataset(dict.fromkeys(splits, images), dict.fromkeys(splits, labels), 10)
    task = wann.ClassificationTask.create("random images", dataset)
    config = wann.SearchConfig.preset("mnist", "paper")
    genomes = random_genomes(config.population_size, 256, 10, *CHAMPION_SIZE)
    state = wann.init(jax.random.key(0), config, genomes.spec).replace(
        genomes=genomes, champion=jax.tree.map(lambda table: table[0], genomes)
    )
    return share("mnist, population 960, champion size", task, config, state)


def share_of_search(name: str, preset: str, generations: int) -> dict[str, Any]:
    """Of a search after some generations."""
    task, config = wann.make_task(name), wann.SearchConfig.preset(name, preset, generations=generations)
    result = wann.search(task, config, seed=0)
    return share(f"{name}, {preset}, after {generations} generations", task, config, result.state)


def share(name: str, task: Any, config: wann.SearchConfig, state: Any) -> dict[str, Any]:
    """Whole generations against the evaluation of the same networks alone, in turns."""
    # Judging the champion is evaluation too, and comes only now and then: leave it out of both.
    config = dataclasses.replace(config, generations=10**6, champion_interval=10**6)
    task, state = jax.device_put((task, state.replace(generation=jnp.int32(1))), replicated())
    weights = jnp.asarray(config.shared_weights)

    @jax.jit
    def evaluate(task, networks, key):
        return over_population(lambda n, task, key: task.evaluate(n, weights, key, config.episodes))(
            networks, task, key
        )

    @jax.jit
    def express(genomes: Genome):
        return over_population(jax.vmap(wann.express))(genomes)

    def whole():
        nonlocal state
        state, _ = search.run_generations(config, state, task, jnp.int32(1))
        return state.generation

    rounds, first_call = [], 0.0
    for turn in range(5):
        networks = express(state.genomes)
        alone = time_it(partial(evaluate, task, networks, jax.random.key(turn)), 3)
        full = time_it(whole, 3)
        first_call = first_call or full["first_call"] - full["median"]
        rounds.append((alone["median"], full["median"]))
    shares = sorted(1.0 - alone / full for alone, full in rounds)
    row = {
        "name": name,
        "seconds_per_generation": sorted(full for _, full in rounds)[2],
        "share_outside_evaluation": shares[2],
        "shares": shares,
        "compile_seconds": first_call,
    }
    print({key: value for key, value in row.items() if key != "shares"}, flush=True)
    return row


def command_line_seconds() -> dict[str, float]:
    """Of `wann --version` and of `wann tasks`, each a process of its own."""
    program = "import sys; from wann_jax.cli import main; sys.exit(main(sys.argv[1:]))"
    calls = {name: [sys.executable, "-c", program, name] for name in ("--version", "tasks")}
    return {
        name: time_it(partial(subprocess.run, call, check=True, capture_output=True), 3)["median"]
        for name, call in calls.items()
    }


if __name__ == "__main__":
    main()
