"""Every hot program on accelerators that are not here, and on those that are.

    python -m benchmarks.accelerators [TARGET...] [--program NAME] [--again] [--run]

Compiled ahead of time (extra `aot`, in an environment of its own): launches, loops, bytes and memory are read off the
compiled text, and a time is *modelled*: 3 us for a launch, 10 us for each wait for the device's data, bytes over the
memory's bandwidth. With --run the programs also run, on the device that JAX finds, and are timed.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple
from unittest import mock

from benchmarks import aot

IS_RUN = "--run" in sys.argv
if not IS_RUN:
    aot.settle_environment()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import wann_jax as wann  # noqa: E402
from benchmarks.common import RESULTS, time_it, write_result  # noqa: E402
from benchmarks.genomes import random_genomes  # noqa: E402
from benchmarks.hlo import Program  # noqa: E402
from wann_jax.errors import ConfigError, require_known  # noqa: E402
from wann_jax.evolution.config import PUBLISHED_WEIGHTS  # noqa: E402
from wann_jax.evolution.generation import init, run_generation  # noqa: E402
from wann_jax.evolution.ranking import rank  # noqa: E402
from wann_jax.genomes.genome import Genome  # noqa: E402
from wann_jax.genomes.mutation import MUTATIONS  # noqa: E402
from wann_jax.genomes.population import Pairs, breed  # noqa: E402
from wann_jax.kernels import memory, xla  # noqa: E402
from wann_jax.kernels.losses import CrossEntropy  # noqa: E402
from wann_jax.networks.layered import Topology  # noqa: E402
from wann_jax.networks.network import Network  # noqa: E402
from wann_jax.tasks.classification import ClassificationTask  # noqa: E402
from wann_jax.tasks.datasets import Dataset  # noqa: E402
from wann_jax.tuning.api import _METHODS  # noqa: E402

LAUNCH, WAIT = 3e-6, 1e-5  # s
ROW_CYCLES = 300  # of a row in an episode's kernel: reads that follow writes, and an activation
MEMORY_SHARE = memory.SHARE
SETTLING_ROUNDS = {"live_nodes": 1, "relax_layers": 1}  # of loops that end when nothing changes; evolved genomes: one


class Case(NamedTuple):
    """A program and its arguments, at a size that matters."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    networks: Network | None = None  # that it evaluates
    lanes: int = 0  # weights x samples, or weights x episodes
    steps: int = 0  # of an episode; 0: samples


def express(genomes: Genome) -> Network:
    return jax.vmap(wann.express)(genomes)


def mnist_task() -> ClassificationTask:
    """Of MNIST's sizes; programs do not depend on the images."""
    sizes = {"train": 55_000, "validation": 5_000, "test": 10_000}
    images = {split: np.zeros((count, 256), np.float32) for split, count in sizes.items()}
    labels = {split: np.arange(count, dtype=np.int32) % 10 for split, count in sizes.items()}
    return ClassificationTask.create("mnist", Dataset(images, labels, 10))


def samples_case(hidden: int, connections: int) -> Case:
    networks = jax.jit(express)(random_genomes(960, 256, 10, hidden, connections))
    inputs, labels = jnp.ones((1000, 256)), jnp.zeros(1000, jnp.int32)

    def evaluate(networks, weights, inputs, labels):
        return wann.forward_samples(networks, weights, inputs, CrossEntropy(labels))

    arguments = (networks, jnp.asarray(PUBLISHED_WEIGHTS), inputs, labels)
    return Case(evaluate, arguments, networks, lanes=6000)


def rollout_case(
    name: str, size: int, hidden: int, connections: int, episodes: int, steps: int, **options: Any
) -> Case:
    task: Any = wann.make_task(name, **options)
    networks = jax.jit(express)(random_genomes(size, task.num_inputs, task.num_outputs, hidden, connections))

    def evaluate(networks, task, weights, key):
        return task.evaluate(networks, weights, key, episodes)

    arguments = (networks, task, jnp.asarray(PUBLISHED_WEIGHTS), jax.random.key(0))
    return Case(evaluate, arguments, networks, lanes=6 * episodes, steps=steps)


def generation_case(name: str, size: int, hidden: int, connections: int, steps: int) -> Case:
    task: Any = mnist_task() if name == "mnist" else wann.make_task(name)
    config = wann.SearchConfig.preset(name, "paper")
    genomes = random_genomes(size, task.num_inputs, task.num_outputs, hidden, connections)
    state = init(jax.random.key(0), config, genomes.spec).replace(genomes=genomes)
    lanes = 6000 if name == "mnist" else 6 * config.episodes
    networks = jax.jit(express)(genomes)
    return Case(lambda state, task: run_generation(config, state, task), (state, task), networks, lanes, steps)


def breed_case(count: int, *sizes: int) -> Case:
    genomes = random_genomes(count, *sizes)
    pairs = Pairs(jnp.arange(count), jnp.arange(count), jnp.zeros(count, bool))
    rates = jnp.asarray([mutation.rate for mutation in MUTATIONS])

    def one(key, genomes, pairs):
        return breed(key, genomes, pairs, rates, jnp.zeros(count, bool), jnp.int32(10_000))

    return Case(one, (jax.random.key(0), genomes, pairs))


def tuning_case(method: str) -> Case:
    """One step of tuning swing-up's network of the zoo, as the command takes it."""
    task: Any = wann.make_task("swingup")
    task = task.differentiable() if method == "adam" else task
    topology = Topology.of(wann.load_network("swingup52"))
    chosen: Any = _METHODS[method](task, topology, wann.TuneConfig.for_task(False, method))
    key = jax.random.key(0)
    state = jax.jit(chosen.init)(key, jnp.zeros(topology.num_connections))
    return Case(lambda task, key, state: chosen.step(task, key, state), (task, key, state), steps=1000)


CASES: dict[str, Callable[[], Case]] = {
    "mnist samples, 340 hidden": partial(samples_case, 340, 1849),
    "swing-up rollout": partial(rollout_case, "swingup", 192, 23, 52, 3, 1000),
    "mnist generation": partial(generation_case, "mnist", 960, 340, 1849, 0),
    "swing-up generation": partial(generation_case, "swingup", 192, 23, 52, 1000),
    "express, mnist": lambda: Case(express, (random_genomes(960, 256, 10, 340, 1849),)),
    "breed, mnist": partial(breed_case, 960, 256, 10, 340, 1849),
    "express, swing-up": lambda: Case(express, (random_genomes(192, 5, 1, 23, 52),)),
    "breed, swing-up": partial(breed_case, 192, 5, 1, 23, 52),
    "rank, 960": lambda: Case(rank, (jnp.ones((960, 2)),)),
    "mnist samples, start": partial(samples_case, 0, 120),
    "mnist samples, 880 hidden": partial(samples_case, 880, 1849),
    **{f"tuning step, {method}": partial(tuning_case, method) for method in ("adam", "es", "cma")},
    "biped rollout": partial(rollout_case, "biped", 480, 74, 210, 4, 1600),
    "car rollout": partial(rollout_case, "carracing", 64, 20, 60, 3, 1000),
}


def shapes(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.asarray(leaf).dtype), tree)


def branch_of(case: Case) -> int:
    """Which of the programs in `_at_size` the case's networks run."""
    networks, at_size, found = case.networks, xla._at_size, []

    def note(counts, sizes, run):
        index = int(at_size(counts, sizes, lambda *size: jnp.int32(sizes.index(size))))
        found.append(index)
        return run(*sizes[index])

    assert networks is not None
    if not case.steps:
        return int(note((networks.num_rows, networks.num_sums), xla.sample_sizes(networks), lambda *_: found[0]))
    inputs = jnp.zeros((networks.num_rows.shape[0], 1, networks.spec.num_inputs))
    with mock.patch.object(xla, "_at_size", note):
        xla.act(networks, jnp.ones(1), lambda policy: policy.step(policy.memory, inputs)[1])
    return found[0]


def branches_of(case: Case) -> dict[str, int]:
    """Which branches run: in most generations no champion is judged."""
    return {"run_generation": 1} | ({"at_size": branch_of(case)} if case.networks else {})


def compiled_row(name: str, case: Case, target: aot.Target, key: str, kernels: str) -> dict[str, Any]:
    """What the target would do, read from the compiled program."""
    os.environ["WANN_KERNELS"] = kernels
    os.environ[memory.VARIABLE] = str(MEMORY_SHARE * target.memory_gib)
    jax.clear_caches()
    began = time.perf_counter()
    compiled = aot.compile_for(key, case.function, *shapes(case.arguments))
    seconds = time.perf_counter() - began
    rounds = SETTLING_ROUNDS | {"episode": -(-case.steps // xla.STEPS_PER_LOOK)}
    program = Program(compiled.as_text(), rounds, branches_of(case))
    cost, inside = program.cost, kernel_seconds(case, target) if program.cost.kernels else 0.0
    modelled = LAUNCH * cost.launches + WAIT * cost.waits + cost.bytes / target.bandwidth + inside
    row: dict[str, Any] = {
        "program": name,
        "target": target.name,
        "kernels": kernels,
        "compile_seconds": round(seconds, 1),
        "launches": cost.launches,
        "pallas_launches": cost.kernels,
        "waits": cost.waits,
        "loops_of_unknown_length": sorted({loop.function for loop in program.loops() if loop.trips is None}),
        "loops": [[loop.function, loop.trips, loop.launches] for loop in program.loops()],
        "gigabytes": cost.bytes / 1e9,
        "temporary_gib": compiled.memory_analysis().temp_size_in_bytes / aot.GIB,
        "modelled_ms": 1e3 * modelled,
        "modelled_ms_inside_kernels": 1e3 * inside,
    }
    if not target.is_cuda:  # another machine than the model's, whose text tells no lengths of loops
        row |= dict.fromkeys(("launches", "waits", "gigabytes", "modelled_ms"))
        analysis = compiled.cost_analysis() or {}
        row |= {"cost_analysis": {name: analysis[name] for name in ("flops", "bytes accessed") if name in analysis}}
    return row


def kernel_seconds(case: Case, target: aot.Target) -> float:
    """Inside the kernels in Pallas, which the text does not show: values through the main memory, or rows in turn."""
    networks = case.networks
    if networks is None:
        return 0.0
    rows = np.asarray(networks.num_rows)
    if case.steps:
        return case.steps * float(rows.max()) * ROW_CYCLES / 1.5e9
    reads = (np.asarray(networks.row_source) >= networks.spec.first_row_slot).sum()
    return 4.0 * float(reads + rows.sum()) * case.lanes / target.bandwidth


def measured_row(name: str, case: Case, kernels: str) -> dict[str, Any]:
    os.environ["WANN_KERNELS"] = kernels
    jax.clear_caches()
    program = jax.jit(case.function)
    times = time_it(lambda: program(*case.arguments), 5)
    print(f"{name}, {kernels}: {1e3 * times['median']:.3g} ms measured, first {times['first_call']:.1f} s", flush=True)
    return {
        "program": name,
        "kernels": kernels,
        "device": jax.devices()[0].device_kind,
        "measured_ms": 1e3 * times["median"],
        "times": times,
    }


def run_here(names: list[str]) -> None:
    """Each program with each kind of kernels, timed; what is measured is written at once."""
    device, rows = jax.devices()[0].device_kind.replace(" ", "_"), []
    for name in names:
        case = CASES[name]()
        for kernels in ("pallas", "xla") if case.networks is not None else ("xla",):
            rows.append(measured_row(name, case, kernels))
            write_result(f"accelerators_on_{device}", {"rows": rows})


def show(row: dict[str, Any]) -> None:
    found = f"{row['program']:28} {row['target'][:22]:22} {row['kernels']:6} {row['temporary_gib']:6.2f} GiB "
    if row["launches"] is not None:
        found += f"{row['launches']:9.0f} launches {row['waits']:6.0f} waits {row['gigabytes']:8.2f} GB "
        found += f"{row['modelled_ms']:9.2f} ms modelled, "
    print(f"{found}compiled in {row['compile_seconds']} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(aot.TARGETS)}; all without one")
    parser.add_argument("--program", action="append", help="only programs whose name holds this")
    parser.add_argument("--again", action="store_true", help="do not go on from the result file")
    parser.add_argument("--run", action="store_true", help="run them on this machine's device, and time them")
    args = parser.parse_args()
    try:
        for key in args.targets:
            require_known("target", key, aot.TARGETS)
    except ConfigError as error:
        parser.exit(2, f"{error}\n")
    names = [name for name in CASES if not args.program or any(part in name for part in args.program)]
    if args.run:
        run_here(names)
        return
    rows = [] if args.again else known_rows()
    for key in args.targets or aot.TARGETS:
        for name in names:
            case = CASES[name]()
            both = key in aot.WITH_PALLAS and case.networks is not None
            for kernels in ("xla", "pallas") if both else ("xla",):
                place = (name, aot.TARGETS[key].name, kernels)
                if place not in {(row["program"], row["target"], row["kernels"]) for row in rows}:
                    rows.append(compiled_row(name, case, aot.TARGETS[key], key, kernels))
                    show(rows[-1])
                    write_result("accelerators", {"rows": rows})  # at once: all of them take long


def known_rows() -> list[dict[str, Any]]:
    """Of the result file, which an earlier run may have left unfinished."""
    path = RESULTS / "accelerators.json"
    return json.loads(path.read_text())["rows"] if path.exists() else []


if __name__ == "__main__":
    main()
