"""How far our racing car is from Gymnasium's CarRacing-v3: single steps, long runs, laps, frames.

    python -m benchmarks.car_fidelity [--episodes 32] [--steps 500] [--laps 20] [--seed 100]

Records the original (extra `box2d`) under varied policies and writes results/car_fidelity.json.
"""

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.common import write_result
from tests.oracle.car_driver import drive as driver
from tests.oracle.car_driver import wanted_speeds
from wann_jax.envs.car_racing import drive as driving
from wann_jax.envs.car_racing import lens
from wann_jax.envs.car_racing.drive import Drive
from wann_jax.envs.car_racing.dynamics import Car
from wann_jax.envs.car_racing.picture import CLOSE, Camera, render
from wann_jax.envs.car_racing.texture import bake_all
from wann_jax.envs.car_racing.track import Track, track_from_uniforms

Rows = dict[str, np.ndarray]
RUN = 300  # steps without looking
make_tracks = jax.jit(jax.vmap(lambda uniforms: track_from_uniforms(uniforms)[0]))


@jax.jit
def advance(tracks: Track, track_index: jax.Array, drive: Drive, action: jax.Array):
    """Drive, rewards, ends after a step; actions [B, 3]."""
    return driving.advance(tracks, track_index, drive, driving.controls_of(action.T))


def drives_of(rows: Rows) -> Drive:
    """Our lanes at the beginning of each recorded step, with no tile visited."""
    position, velocity = (
        jnp.asarray(np.moveaxis(rows[name], 0, -1).swapaxes(0, 1)) for name in ("position", "velocity")
    )
    nothing = jnp.zeros(len(rows["gas"]), jnp.int32)
    car = Car(
        hull=position[:, 0],
        hull_velocity=velocity[:, 0],
        wheels=position[:, 1:],
        wheel_velocity=velocity[:, 1:],
        spin=jnp.asarray(rows["spin"].T),
        phase=jnp.asarray(rows["phase"].T),
        hold=jnp.asarray(rows["stop"].T),
        pull=jnp.asarray(rows["pull"].T),
        gas=jnp.asarray(rows["gas"]),
    )
    visited = jnp.zeros((driving.NUM_WORDS, len(nothing)), jnp.uint32)
    on_road = jnp.asarray(rows["on_road"].T > 0)
    return Drive(car=car, on_road=on_road, visited=visited, num_paid=nothing, steps=nothing)


def one_step_errors(rows: Rows, uniforms: np.ndarray, move: Any = None) -> Rows:
    """Largest differences of each step; `on_road` counts wheels for which it differs. `move`: an implementation."""
    tracks, track_index = make_tracks(jnp.asarray(uniforms)), jnp.asarray(rows["episode"].astype(np.int32))
    lanes = drives_of(rows), driving.controls_of(jnp.asarray(rows["action"].T))
    drive = jax.device_get(jax.jit(move or driving.move_by_xla)(tracks, track_index, lanes))
    car = drive.car

    def largest(ours, theirs):
        return np.abs(ours - theirs).reshape(len(theirs), -1).max(1)

    def bodies(hull, wheels):
        return np.concatenate([hull[:, None], wheels], 1).transpose(2, 1, 0)

    return {
        "position": largest(bodies(car.hull, car.wheels), rows["next_position"]),
        "velocity": largest(bodies(car.hull_velocity, car.wheel_velocity), rows["next_velocity"]),
        "spin": largest(car.spin.T, rows["next_spin"]),
        "stop": largest(car.hold.T, rows["next_stop"]),
        "on_road": ((rows["next_on_road"] > 0) != drive.on_road.T).sum(1),
    }


def laps(uniforms: np.ndarray, max_steps: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """The scripted driver's returns and steps in our world."""
    tracks, lanes = make_tracks(jnp.asarray(uniforms)), jnp.arange(len(uniforms))
    points = [np.asarray(tracks.points[i, : tracks.num_tiles[i]], float) for i in lanes]
    speeds = [wanted_speeds(road) for road in points]
    drive = jax.jit(driving.start)(tracks, lanes)
    total, steps, alive = np.zeros(len(points)), np.zeros(len(points), int), np.ones(len(points), bool)
    for _ in range(max_steps):
        hull, velocity = np.asarray(drive.car.hull, float), np.asarray(drive.car.hull_velocity, float)
        seen = zip(points, speeds, *hull, *velocity[:2], strict=True)
        actions = np.stack([driver(*numbers) for numbers in seen])
        drive, reward, ended = advance(tracks, lanes, drive, jnp.asarray(actions))
        total, steps = total + alive * np.asarray(reward), steps + alive
        alive &= ~np.asarray(ended)
        if not alive.any():
            break
    return total, steps


def open_loop(uniforms: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Positions [runs, steps, 3] of the hull under given actions [runs, steps, 3], without looking."""
    tracks, lanes = make_tracks(jnp.asarray(uniforms)), jnp.arange(len(uniforms))

    def move(drive, action):
        drive = driving.advance(tracks, lanes, drive, driving.controls_of(action.T))[0]
        return drive, drive.car.hull.T

    run = jax.jit(lambda actions: jax.lax.scan(move, driving.start(tracks, lanes), actions)[1])
    return np.asarray(run(jnp.asarray(actions.swapaxes(0, 1)))).swapaxes(0, 1)


def frames(uniforms: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Our pictures of recorded poses; as many of each track."""
    textures = jax.jit(bake_all)(make_tracks(jnp.asarray(uniforms)))
    track_index = jnp.asarray(np.repeat(np.arange(len(uniforms)), len(pose) // len(uniforms)), jnp.int32)
    x, y, angle, steer, steps = jnp.asarray(pose.T)
    camera = Camera(x=x, y=y, angle=angle, steer=steer, steps=steps.astype(jnp.int32))
    return np.asarray(jax.jit(render)(textures, track_index, camera))


def main() -> None:
    """Records, compares, writes."""
    from tests.oracle import box2d_car

    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--laps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=100)
    options = parser.parse_args()
    rows, uniforms = box2d_car.record_many(options.episodes, options.steps, options.seed)
    errors = one_step_errors(rows, uniforms)
    steps = {
        name: {f"q{100 * share:g}": float(np.quantile(values, share)) for share in (0.5, 0.99, 0.999)}
        | {"largest": float(values.max()), "above_2e-4": int((values > 2e-4).sum())}
        for name, values in errors.items()
        if name != "on_road"
    }
    long = [i for i in range(options.episodes) if (rows["episode"] == i).sum() >= RUN][: len(box2d_car.POLICIES)]
    actions = np.stack([rows["action"][rows["episode"] == i][:RUN] for i in long])
    pairs = [*zip(uniforms[long], actions, strict=True)]
    theirs, nudged = (np.stack([box2d_car.replay(*pair, nudge) for pair in pairs]) for nudge in (0.0, 1e-5))
    ours = open_loop(uniforms[long], actions)
    gaps = {name: np.abs(run - theirs)[..., :2].max(-1) for name, run in (("ours", ours), ("nudged_1e-5_m", nudged))}
    roads = box2d_car.draw_tracks(options.laps, options.seed + 1)
    (returns, ends), (real_returns, real_ends) = laps(roads), np.array([*map(box2d_car.lap, roads)]).T
    wanted_steps = (*range(0, 50, 3), *range(50, 400, 10))
    seen = [box2d_car.record_frames(road, i, wanted_steps) for i, road in enumerate(roads[:6])]
    pose = np.concatenate([drive[1] for drive in seen])
    wanted = np.stack([lens.shrink(frame) for drive in seen for frame in drive[0]])
    gap = np.abs(frames(roads[:6], pose).astype(float) - wanted).mean((1, 2, 3))
    is_late = pose[:, 4] >= CLOSE
    document: dict[str, Any] = {
        "recorded_steps": len(rows["reward"]),
        "one_step": steps,
        "wheels_on_road_that_differ": int(errors["on_road"].sum()),
        "open_loop_m": {
            name: {str(at): [float(np.median(gap[:, at - 1])), float(gap[:, at - 1].max())] for at in (100, 200, RUN)}
            for name, gap in gaps.items()
        },
        "laps": len(roads),
        "laps_with_the_same_last_step": int((ends == real_ends).sum()),
        "laps_with_return_within_0.5": int((np.abs(returns - real_returns) < 0.5).sum()),
        "returns_ours_and_real": [returns.round(2).tolist(), real_returns.round(2).tolist()],
        "frames": len(pose),
        "frame_error_of_255_after_the_first_second": float(gap[is_late].mean()),
        "frame_error_of_255_in_the_first_second": float(gap[~is_late].mean()),
    }
    print(write_result("car_fidelity", document).read_text())


if __name__ == "__main__":
    main()
