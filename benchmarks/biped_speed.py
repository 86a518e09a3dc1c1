"""Steps per second of the walker against Gymnasium's Box2D environment on the same cores, in one run.

    python -m benchmarks.biped_speed [--lanes 2048] [--steps 200]

Both walk under random actions that change every 8 steps; only steps of episodes that have not ended count. Gymnasium is
measured as its vectorised environment and as plain loops, one process for each core (no messages between steps). Needs
the extra `box2d`. Writes results/biped_speed.json; compile time stands apart.
"""

import argparse
import multiprocessing
import os
import statistics
import time
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.common import without_native, write_result
from wann_jax.devices import over_population
from wann_jax.envs.bipedal_walker import BipedalWalker

HOLD = 8  # steps with the same action
ENVIRONMENT = "BipedalWalker-v3"


def ours(lanes: int, steps: int, repeats: int) -> dict[str, Any]:
    """Whole episodes' starts of many lanes, all cores at work."""
    env = BipedalWalker()
    params = env.default_params

    def walk(keys):
        _, state = jax.vmap(env.reset_env, (0, None))(keys, params)
        step = jax.vmap(env.step_env, (None, 0, 0, None))

        def advance(carry, index):
            state, alive = carry
            drawn = jax.random.uniform(jax.random.fold_in(jax.random.key(0), index // HOLD), (keys.shape[0], 4))
            _, state, _, ended, _ = step(jax.random.key(0), state, 2.0 * drawn - 1.0, params)
            return (state, alive & ~ended), alive.sum(dtype=jnp.int32)

        _, counts = jax.lax.scan(advance, (state, jnp.ones(keys.shape, bool)), jnp.arange(steps))
        return counts.sum()[None]

    program = jax.jit(lambda keys: over_population(walk)(keys).sum())
    keys = jax.random.split(jax.random.key(1), lanes)
    began = time.perf_counter()
    compiled = program.lower(keys).compile()
    compile_seconds = time.perf_counter() - began
    jax.block_until_ready(compiled(keys))
    rates = []
    for _ in range(repeats):
        began = time.perf_counter()
        rates.append(int(compiled(keys)) / (time.perf_counter() - began))
    return {"steps_per_second": statistics.median(rates), "all": rates, "compile_seconds": compile_seconds}


def compile_of_a_step() -> float:
    """Seconds to compile one step of 256 lanes."""
    env = BipedalWalker()
    params = env.default_params
    state = jax.eval_shape(jax.vmap(env.reset_env, (0, None)), jax.random.split(jax.random.key(0), 256), params)[1]
    actions = jax.ShapeDtypeStruct((256, 4), jnp.float32)
    step = jax.jit(jax.vmap(env.step_env, (None, 0, 0, None)))
    began = time.perf_counter()
    step.lower(jax.random.key(0), state, actions, params).compile()
    return time.perf_counter() - began


def vectorised(count: int, seconds: float) -> float:
    """Gymnasium's own vectorised environment, `count` processes."""
    envs = gymnasium.make_vec(
        ENVIRONMENT, num_envs=count, vectorization_mode="async", vector_kwargs={"context": "spawn"}
    )
    envs.reset(seed=0)
    random, steps, began = np.random.default_rng(0), 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        actions = random.uniform(-1, 1, (count, 4)).astype(np.float32)
        for _ in range(HOLD):
            envs.step(actions)
        steps += HOLD * count
    rate = steps / (time.perf_counter() - began)
    envs.close()
    return rate


def loop(seed: int, seconds: float) -> float:
    """One process that steps one environment."""
    env = gymnasium.make(ENVIRONMENT)
    env.reset(seed=seed)
    random, steps, began = np.random.default_rng(seed), 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        action = random.uniform(-1, 1, 4).astype(np.float32)
        for _ in range(HOLD):
            steps += 1
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
    return steps / (time.perf_counter() - began)


def main() -> None:
    """Measures all, one after another, and writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lanes", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        loops = sum(pool.starmap(loop, [(seed, options.seconds) for seed in range(cores)]))
    async_rates = {str(count): vectorised(count, options.seconds) for count in (cores, 4 * cores)}
    best = max(loops, *async_rates.values())
    found = ours(options.lanes, options.steps, options.repeats)
    document = {
        "lanes": options.lanes,
        "ours": found,
        "gymnasium_vectorised_steps_per_second_by_environments": async_rates,
        "gymnasium_loops_steps_per_second": loops,
        "times_faster_than_vectorised": found["steps_per_second"] / max(async_rates.values()),
        "times_faster_than_the_best": found["steps_per_second"] / best,
        "compile_seconds_of_a_step": compile_of_a_step(),
        "xla_only": without_native(ours, 512, 50, 1),
        "xla_only_compile_seconds_of_a_step": without_native(compile_of_a_step),
        "load_average": os.getloadavg()[0],
    }
    print(write_result("biped_speed", document).read_text())


if __name__ == "__main__":
    main()
