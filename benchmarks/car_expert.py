"""The hand-written drivers of the racing car: their returns, and the random searches that set their twelve numbers.

    python -m benchmarks.car_expert [--tracks 256] [--search SECONDS]

Prints means and deviations over tracks that the searches did not use: of the precise driver as it is, of the bold one
with its outputs multiplied by w^2, w all over [0, 2]. `--search` starts from the drivers' numbers as they are and
goes on with better ones, if it finds some on 64 tracks. Writes results/car_expert.json.
"""

import argparse
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from benchmarks.common import write_result
from wann_jax.envs.car_racing import drive as driving
from wann_jax.envs.car_racing.experts import BOLD, PRECISE, outputs_for
from wann_jax.envs.car_racing.track import Track, make_tracks

STEPS, STEPS_PER_LOOK = 1000, 2
SEARCH_TRACKS, SEARCH_SEED, JUDGING_SEED = 64, 1, 2


@partial(jax.jit, static_argnums=2)
def returns_of(settings: Array, tracks: Track, num_tracks: int, factors: Array) -> Array:
    """Of an episode on each track, each with its factor of the outputs, a look at every other step."""
    index = jnp.arange(num_tracks)

    def look(carry, _):
        drive, returns, alive = carry
        outputs = factors[None] * outputs_for(settings, tracks, index, drive)
        controls = driving.controls_of(driving.paper_action(outputs))
        for _ in range(STEPS_PER_LOOK):
            drive, reward, ends = driving.advance(tracks, index, drive, controls)
            returns, alive = returns + jnp.where(alive, reward, 0.0), alive & ~ends
        return (drive, returns, alive), None

    start = driving.start(tracks, index), jnp.zeros(num_tracks), jnp.ones(num_tracks, bool)
    return lax.scan(look, start, length=STEPS // STEPS_PER_LOOK)[0][1]


def factors_of(is_bold: bool, number: int) -> Array:
    """Of the outputs, in episodes one after the other."""
    weights = jnp.tile(jnp.arange(0.125, 2.0, 0.25), number // 8)
    return weights**2 if is_bold else jnp.ones(number)


def search(is_bold: bool, seconds: float) -> Array:
    """Better settings: some of the best ones so far are changed by a factor and a bit."""
    tracks, start = make_tracks(jax.random.key(SEARCH_SEED), SEARCH_TRACKS), BOLD if is_bold else PRECISE
    factors = factors_of(is_bold, SEARCH_TRACKS)

    def score_of(settings):
        return float(returns_of(jnp.asarray(settings, jnp.float32), tracks, SEARCH_TRACKS, factors).mean())

    random, best = np.random.default_rng(0), np.asarray(start, float)
    score, end = score_of(best), time.perf_counter() + seconds
    while time.perf_counter() < end:
        size = 0.5 * random.random()
        changed = best * np.exp(size * random.normal(size=12)) + 0.03 * random.normal(size=12)
        trial = np.where(random.random(12) < 0.4, changed, best)
        found = score_of(trial)
        if found > score:
            score, best = found, trial
            print(f"{score:.1f}", np.round(best, 3).tolist(), flush=True)
    return jnp.asarray(best, jnp.float32)


def main() -> None:
    """Reads the command line, evaluates both drivers, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=256, help="a multiple of 8")
    parser.add_argument("--search", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    tracks = make_tracks(jax.random.key(JUDGING_SEED), options.tracks)
    document = {}
    for name, is_bold in (("precise", False), ("bold", True)):
        settings = search(is_bold, options.search)
        factors = factors_of(is_bold, options.tracks)
        returns = np.asarray(returns_of(settings, tracks, options.tracks, factors))
        document[name] = {"mean": float(returns.mean()), "deviation": float(returns.std())}
        if is_bold:
            document[name]["at each weight"] = returns.reshape(-1, 8).mean(0).tolist()
        print(name, document[name])
        document[name]["settings"] = np.asarray(settings).tolist()
    write_result("car_expert", {"tracks": options.tracks, **document})


if __name__ == "__main__":
    main()
