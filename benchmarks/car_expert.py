"""The hand-written driver of the racing car: its return, and the random search that set its twelve numbers.

    python -m benchmarks.car_expert [--tracks 256] [--search SECONDS]

Prints mean and deviation over tracks that the search did not use. `--search` starts from the driver's numbers as they
are and prints better ones, if it finds some on 64 tracks; nothing is written but results/car_expert.json.
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
from wann_jax.envs.car_racing.expert import SETTINGS, drive_by
from wann_jax.envs.car_racing.track import Track, make_tracks

STEPS, STEPS_PER_LOOK = 1000, 2
SEARCH_TRACKS, SEARCH_SEED, JUDGING_SEED = 64, 1, 2


@partial(jax.jit, static_argnums=2)
def returns_of(settings: Array, tracks: Track, num_tracks: int) -> Array:
    """Of an episode on each track, a look at every other step."""
    index = jnp.arange(num_tracks)

    def look(carry, _):
        drive, returns, alive = carry
        controls = driving.controls_of(drive_by(settings, tracks, index, drive))
        for _ in range(STEPS_PER_LOOK):
            drive, reward, ends = driving.advance(tracks, index, drive, controls)
            returns, alive = returns + jnp.where(alive, reward, 0.0), alive & ~ends
        return (drive, returns, alive), None

    start = driving.start(tracks, index), jnp.zeros(num_tracks), jnp.ones(num_tracks, bool)
    return lax.scan(look, start, length=STEPS // STEPS_PER_LOOK)[0][1]


def search(seconds: float) -> Array:
    """Better settings: some of the best ones so far are changed by a factor and a bit."""
    tracks = make_tracks(jax.random.key(SEARCH_SEED), SEARCH_TRACKS)
    random, best = np.random.default_rng(0), np.asarray(SETTINGS, float)
    score = float(returns_of(SETTINGS, tracks, SEARCH_TRACKS).mean())
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        size = 0.5 * random.random()
        changed = best * np.exp(size * random.normal(size=12)) + 0.03 * random.normal(size=12)
        trial = np.where(random.random(12) < 0.4, changed, best)
        found = float(returns_of(jnp.asarray(trial, jnp.float32), tracks, SEARCH_TRACKS).mean())
        if found > score:
            score, best = found, trial
            print(f"{score:.1f}", np.round(best, 3).tolist(), flush=True)
    return jnp.asarray(best, jnp.float32)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=256)
    parser.add_argument("--search", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    settings = search(options.search) if options.search else SETTINGS
    tracks = make_tracks(jax.random.key(JUDGING_SEED), options.tracks)
    returns = np.asarray(returns_of(settings, tracks, options.tracks))
    facts = {"tracks": options.tracks, "mean": float(returns.mean()), "deviation": float(returns.std())}
    print(facts)
    write_result("car_expert", facts | {"least": float(returns.min()), "settings": np.asarray(settings).tolist()})
