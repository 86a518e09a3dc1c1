"""What part of a generation is not evaluation: express, rank, select, mutate, and the loop around them.

    python -m benchmarks.generation_share swingup --preset laptop --after 200

Runs a search for some generations, then times whole generations against the evaluation of the same networks alone.
"""

import argparse
import dataclasses
import importlib

import jax
import jax.numpy as jnp

import wann_jax as wann
from benchmarks.common import peak_memory_gib, time_it, write_result
from wann_jax.devices import over_population, replicated

search = importlib.import_module("wann_jax.search")
ROUNDS = 5


def main() -> None:
    """Runs, times, writes one result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--preset", default="laptop")
    parser.add_argument("--after", type=int, default=200, help="generations before timing")
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    task = wann.make_task(args.task, **({"data_dir": args.data_dir} if args.data_dir else {}))
    config = wann.SearchConfig.preset(args.task, args.preset, generations=args.after)
    state, spec = search.start(task, config, seed=0)
    compile_seconds = []
    for dispatch in search.dispatches(task, config, state, spec):
        state, spec = dispatch.state, dispatch.spec
        if dispatch.compiled:
            compile_seconds.append(dispatch.seconds)
    state = jax.device_put(state, replicated())
    weights = jnp.asarray(config.shared_weights)
    # Judging the champion is evaluation too, and comes only now and then: leave it out of both.
    config = dataclasses.replace(config, generations=10**6, champion_interval=10**6)

    @jax.jit
    def compile_networks(genomes):
        return over_population(lambda g: jax.vmap(lambda genome: wann.express(genome, spec))(g))(genomes)

    @jax.jit
    def evaluate(task, networks, key):
        def run(networks, task, key):
            return task.evaluate(networks, weights, key, config.episodes)

        return over_population(run)(networks, task, key)

    def whole():
        nonlocal state
        state, _ = search.run_generations(task, config, spec, state, jnp.int32(1))
        return state

    def evaluation_alone():
        return evaluate(task, networks, jax.random.fold_in(state.key, 0))

    shares, rows = [], []
    for _ in range(ROUNDS):
        networks = compile_networks(state.genomes)
        alone, full = time_it(evaluation_alone, 5), time_it(whole, 3)
        rows.append({"evaluation_seconds": alone["median"], "generation_seconds": full["median"]})
        shares.append(1.0 - alone["median"] / full["median"])
    shares.sort()
    document = {
        "task": args.task,
        "preset": args.preset,
        "population_size": config.population_size,
        "mean_connections": float(state.genomes.num_enabled.mean()),
        "mean_hidden": float((state.genomes.num_nodes - spec.num_fixed).mean()),
        "outside_evaluation_share_median": shares[len(shares) // 2],
        "rows": rows,
        "compile_seconds_per_bucket": compile_seconds,
        "peak_memory_gib": peak_memory_gib(),
    }
    path = write_result(f"generation_share_{args.task}_{args.preset}", document)
    print({name: value for name, value in document.items() if name != "rows"}, f"written: {path}")


if __name__ == "__main__":
    main()
