"""Steps, laps and frames of Gymnasium's CarRacing-v3 (extra `box2d`), for recordings that ours is compared with."""

from typing import Any

import numpy as np
from gymnasium.envs.box2d import car_racing

from wann_jax.analysis.fidelity.car_driver import drive, wanted_speeds

POLICIES = ("driver", "shaky_driver", "random", "held", "wheel_breaker", "full_gas", "skater", "brake_tapper")
STEPS_PER_SECOND = 50
Original: Any = car_racing.CarRacing


class Uniforms:
    """Gives the environment's track generator uniform numbers in [0, 1) of our choice, scaled as it asks for."""

    def __init__(self, numbers):
        self.numbers = [float(number) for number in numbers]

    def uniform(self, low, high):
        """The next number, scaled."""
        return low + (high - low) * self.numbers.pop(0)


class FixedTrackRacing(Original):
    """On the track that 24 uniform numbers make; draws pictures only if asked to."""

    def __init__(self, with_pictures=False):
        super().__init__()
        self.with_pictures = with_pictures

    def reset_to(self, uniforms):
        """The first picture on the track that the numbers make."""
        self._destroy()
        self.world.contactListener_bug_workaround = car_racing.FrictionDetector(self, self.lap_complete_percent)
        self.world.contactListener = self.world.contactListener_bug_workaround
        self.reward = self.prev_reward = self.t = 0.0
        self.tile_visited_count, self.new_lap, self.road_poly = 0, False, []
        self._np_random = Uniforms(uniforms)
        if not self._create_track():
            raise ValueError("these numbers make no track")
        self.car = car_racing.Car(self.world, *self.track[0][1:4])
        return self.step(None)[0]

    def _render(self, mode):
        return super()._render(mode) if self.with_pictures else None

    @property
    def points(self):
        """Of the track: x, y and direction."""
        return np.array(self.track)[:, [2, 3, 1]]


def makes_track(uniforms):
    """Whether these 24 numbers make one: the original fails at an assertion or says so."""
    env = FixedTrackRacing()
    env.road_poly, env.road, env._np_random = [], [], Uniforms(uniforms)
    try:
        return bool(env._create_track())
    except AssertionError:
        return False


def draw_tracks(count, seed):
    """Uniform numbers [count, 24] that make tracks."""
    rng = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    while len(found) < count:
        uniforms = rng.random(24).astype(np.float32)
        if makes_track(uniforms):
            found.append(uniforms)
    return np.stack(found)


def policy(name, rng):
    """A function of step, environment and the speeds wanted along its track."""
    held = np.zeros(3)

    def random_action():
        return rng.uniform([-1, 0, 0], 1) * (rng.random(3) < (0.9, 0.8, 0.2))

    def act(t, env, speeds):
        nonlocal held
        if t % {"held": 25, "wheel_breaker": 6, "brake_tapper": 10}.get(name, 8) == 0:
            held = random_action()
        if name in ("driver", "shaky_driver"):
            action = drive_env(env, speeds)
            return action + (name == "shaky_driver") * rng.normal(size=3) * 0.3
        if name == "random":
            return random_action()
        if name == "wheel_breaker":
            return np.array([np.sign(held[0]) * rng.choice([1.0, 0.42, 0.38]), 0.3, 0.0])
        if name == "full_gas":
            return np.array([0.3 * held[0], 1.0, 0.0])
        if name == "skater":
            return np.array([np.sin(t / 9.0), 0.8, 0.95 * (t % 40 > 30)])
        if name == "brake_tapper":
            return np.array([0.5 * held[0], 0.7, held[2]])
        return held

    return act


def drive_env(env, speeds):
    """The scripted driver's action."""
    hull = env.car.hull
    (x, y), (vx, vy) = hull.worldCenter, hull.linearVelocity
    return drive(env.points, speeds, x, y, hull.angle, vx, vy)


def snapshot(env):
    """What a step starts from, or leaves behind."""
    car = env.car
    bodies = [car.hull, *car.wheels]
    rows = {
        "position": [[*body.worldCenter, body.angle] for body in bodies],
        "velocity": [[*body.linearVelocity, body.angularVelocity] for body in bodies],
        "spin": [wheel.omega for wheel in car.wheels],
        "phase": [wheel.phase for wheel in car.wheels],
        "gas": car.wheels[2].gas,
        "stop": [abs(wheel.joint.GetReactionTorque(STEPS_PER_SECOND)) / STEPS_PER_SECOND for wheel in car.wheels],
        "pull": [np.divide(wheel.joint.GetReactionForce(STEPS_PER_SECOND), STEPS_PER_SECOND) for wheel in car.wheels],
        "on_road": [len(wheel.tiles) > 0 for wheel in car.wheels],
        "num_visited": env.tile_visited_count,
    }
    return {name: np.asarray(values, np.float32) for name, values in rows.items()}


def record(name, uniforms, seed, max_steps):
    """One episode's rows: each step's start and end, action, reward, whether it was the last."""
    rng, env = np.random.default_rng(seed), FixedTrackRacing()
    env.reset_to(uniforms)
    act, speeds, rows = policy(name, rng), wanted_speeds(env.points), []
    after = snapshot(env)
    for t in range(max_steps):
        action = np.clip(act(t, env, speeds), [-1, 0, 0], 1).astype(np.float32)
        before = after
        _, reward, terminated, _, _ = env.step(action)
        after = snapshot(env)
        rows.append(
            before
            | {"action": action, "reward": np.float32(reward), "terminated": np.bool_(terminated)}
            | {f"next_{key}": value for key, value in after.items() if key not in ("pull", "gas")}
        )
        if terminated:
            break
    return {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def record_many(episodes, max_steps, seed=0):
    """Episodes of all policies in turn, end to end, with `episode` and `t` of each step; and the tracks' `uniforms`."""
    uniforms = draw_tracks(episodes, seed)
    runs = [record(POLICIES[i % len(POLICIES)], uniforms[i], seed + i, max_steps) for i in range(episodes)]
    rows = {key: np.concatenate([run[key] for run in runs]) for key in runs[0]}
    lengths = [len(run["reward"]) for run in runs]
    rows["episode"] = np.repeat(np.arange(episodes, dtype=np.int16), lengths)
    rows["t"] = np.concatenate([np.arange(length, dtype=np.int16) for length in lengths])
    return rows, uniforms


def lap(uniforms, max_steps=1500):
    """The driver's return and steps on a track."""
    env = FixedTrackRacing()
    env.reset_to(uniforms)
    speeds, total = wanted_speeds(env.points), 0.0
    for steps in range(1, max_steps + 1):
        _, reward, terminated, _, _ = env.step(drive_env(env, speeds))
        total += reward
        if terminated:
            return total, steps
    return total, max_steps


def replay(uniforms, actions, nudge=0.0):
    """Positions [steps, 3] of the hull under given actions; `nudge`: m that the hull is moved by at the start."""
    env, rows = FixedTrackRacing(), []
    env.reset_to(uniforms)
    if nudge:
        env.car.hull.position = (env.car.hull.position[0] + nudge, env.car.hull.position[1])
    for action in actions:
        env.step(np.asarray(action, np.float32))
        rows.append([*env.car.hull.worldCenter, env.car.hull.angle])
    return np.array(rows)


def record_frames(uniforms, seed, wanted_steps):
    """Frames [96, 96, 3] of a drive, and the poses that they show: hull's x, y, angle, front wheels' steering, step."""
    rng, env = np.random.default_rng(seed), FixedTrackRacing(with_pictures=True)
    frame = env.reset_to(uniforms)
    act, speeds, frames, poses = policy("shaky_driver", rng), wanted_speeds(env.points), [], []
    for t in range(max(wanted_steps) + 1):
        if t in wanted_steps:
            steer = np.mean([wheel.joint.angle for wheel in env.car.wheels[:2]])
            frames.append(frame)
            poses.append([*env.car.hull.position, env.car.hull.angle, steer, t])
        frame = env.step(np.clip(act(t, env, speeds), [-1, 0, 0], 1).astype(np.float32))[0]
    return np.stack(frames), np.array(poses, np.float32)


def lay_track(uniforms):
    """Points [tiles, 3] (x, y, heading) and each tile's side of the kerb (0: none); None where it fails."""
    if not makes_track(uniforms):
        return None
    env = FixedTrackRacing()
    env.road_poly, env.road, env._np_random = [], [], Uniforms(uniforms)
    env._create_track()
    points, kerb, tile = env.points, np.zeros(len(env.track), np.int8), -1
    for corners, colour in env.road_poly:
        if isinstance(colour, tuple):  # a kerb follows its tile
            x, y, heading = points[tile]
            kerb[tile] = np.sign((corners[0][0] - x) * np.cos(heading) + (corners[0][1] - y) * np.sin(heading))
        else:
            tile += 1
    return points, kerb
