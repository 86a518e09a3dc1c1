"""Steps and pictures per second of the racing car, beside Gymnasium's on the same cores.

    python -m benchmarks.car_speed [--lanes 1024] [--steps 200]

All lanes drive on two tracks under random actions that change every 8 steps, and all cores work. With pictures, every
step draws one for every lane. Gymnasium (extra `box2d`, left out where it is missing) always draws. Writes
results/car_speed.json; compile time stands apart.
"""

import argparse
import importlib.util
import os
import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.common import without_native, write_result
from wann_jax.devices import over_population
from wann_jax.envs.car_racing import drive as driving
from wann_jax.envs.car_racing.picture import camera_of, render
from wann_jax.envs.car_racing.texture import bake_all
from wann_jax.envs.car_racing.track import make_tracks

HOLD = 8  # steps with the same action
NUM_TRACKS = 2


def ours(lanes: int, steps: int, repeats: int, with_pictures: bool) -> dict[str, Any]:
    """The starts of many lanes' episodes, on all devices."""
    tracks = jax.jit(make_tracks, static_argnums=1)(jax.random.key(0), NUM_TRACKS)
    textures = jax.jit(bake_all)(tracks) if with_pictures else None

    def run(seeds, tracks, textures):
        index = seeds % NUM_TRACKS
        key = jax.random.key(seeds[0])

        def advance(drive, step):
            drawn = jax.random.uniform(jax.random.fold_in(key, step // HOLD), (3, *index.shape))
            controls = driving.Controls(steer=2.0 * drawn[0] - 1.0, gas=drawn[1], brake=0.3 * drawn[2])
            drive, reward, _ = driving.advance(tracks, index, drive, controls)
            # Some pixels of each picture, so that it must be drawn, and little is added up.
            seen = render(textures, index, camera_of(drive))[:, ::16, ::16].sum() if with_pictures else jnp.uint32(0)
            return drive, (reward.sum(), seen)

        return jax.tree.map(
            lambda leaf: leaf.sum()[None], jax.lax.scan(advance, driving.start(tracks, index), jnp.arange(steps))[1]
        )

    program = jax.jit(lambda seeds, tracks, textures: over_population(run)(seeds, tracks, textures))
    seeds = jnp.arange(lanes, dtype=jnp.int32)
    began = time.perf_counter()
    compiled = program.lower(seeds, tracks, textures).compile()
    compile_seconds = time.perf_counter() - began
    jax.block_until_ready(compiled(seeds, tracks, textures))
    rates, per_core = [], []
    for _ in range(repeats):
        began, used = time.perf_counter(), time.process_time()
        jax.block_until_ready(compiled(seeds, tracks, textures))
        rates.append(lanes * steps / (time.perf_counter() - began))
        per_core.append(lanes * steps / (time.process_time() - used))
    return {
        "per_second": statistics.median(rates),
        "per_cpu_second": statistics.median(per_core),
        "all": rates,
        "compile_seconds": compile_seconds,
    }


def of_a_track() -> dict[str, float]:
    """Seconds to make a track and to bake its texture, compiled."""
    make, bake = jax.jit(make_tracks, static_argnums=1), jax.jit(bake_all)
    tracks = make(jax.random.key(0), NUM_TRACKS)
    jax.block_until_ready(bake(tracks))
    began = time.perf_counter()
    tracks = jax.block_until_ready(make(jax.random.key(1), NUM_TRACKS))
    made = time.perf_counter()
    jax.block_until_ready(bake(tracks))
    return {"track": (made - began) / NUM_TRACKS, "texture": (time.perf_counter() - made) / NUM_TRACKS}


def gymnasium_rate(seconds: float) -> float:
    """Steps per CPU second of one original environment, which draws a frame in each."""
    import gymnasium

    env = gymnasium.make("CarRacing-v3")
    env.reset(seed=0)
    random, steps, began = np.random.default_rng(0), 0, time.process_time()
    while time.process_time() - began < seconds:
        action = random.uniform([-1, 0, 0], [1, 1, 0.3]).astype(np.float32)
        for _ in range(HOLD):
            steps += 1
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
    return steps / (time.process_time() - began)


def main() -> None:
    """Measures all, one after another, and writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lanes", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    jax.config.update("jax_enable_compilation_cache", False)  # compile times are of fresh programs
    lanes, steps, repeats = options.lanes, options.steps, options.repeats
    load = os.getloadavg()[0]
    document = {
        "lanes": lanes,
        "load_average_before": load,
        "steps": ours(lanes, 5 * steps, repeats, with_pictures=False),
        "steps_with_pictures": ours(lanes, steps, repeats, with_pictures=True),
        "xla_only_steps": without_native(ours, lanes, 40, 3, False),
        "xla_only_steps_with_pictures": without_native(ours, lanes // 4, 8, 3, True),
        "seconds": of_a_track(),
    }
    if importlib.util.find_spec("Box2D"):
        document["gymnasium_steps_per_cpu_second"] = gymnasium_rate(options.seconds)
    print(write_result("car_speed", document).read_text())


if __name__ == "__main__":
    main()
