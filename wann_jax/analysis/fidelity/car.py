"""Our car against recordings of the original's: single steps, steps without looking, laps, pictures.

In: rows of a recording (box2d_car.py). Out: how far ours are from them.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wann_jax.analysis.fidelity.car_driver import drive as driver
from wann_jax.analysis.fidelity.car_driver import wanted_speeds
from wann_jax.envs.car_racing import drive as driving
from wann_jax.envs.car_racing.drive import Drive
from wann_jax.envs.car_racing.dynamics import Car
from wann_jax.envs.car_racing.picture import Camera, render
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
