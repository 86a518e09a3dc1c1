"""A driver of a racing car who knows the track: steers for a point ahead, brakes before bends. NumPy, one car."""

import numpy as np

LOOK_AHEAD = 4  # tiles, and one more for every 12 m/s
STEER_GAIN = 1.1
BRAKING = 30.0  # m/s^2 that the driver counts on
GRIP = 70.0  # m/s^2 across, that the driver counts on
TOP_SPEED = 62.0  # m/s
TILE = 3.5  # m


def wanted_speeds(points):
    """[tiles]: in bends as fast as the grip allows, before them no faster than can be braked."""
    turn = np.diff(points[:, 2], append=points[0, 2])
    turn = (turn + np.pi) % (2 * np.pi) - np.pi
    bend = np.abs(np.convolve(np.tile(turn, 3), np.ones(4) / 4, "same")[len(turn) : 2 * len(turn)]) / TILE
    speed = np.minimum(np.sqrt(GRIP / np.maximum(bend, 1e-6)), TOP_SPEED)
    for i in range(2 * len(speed) - 2, -1, -1):
        i, after = i % len(speed), (i + 1) % len(speed)
        speed[i] = min(speed[i], np.sqrt(speed[after] ** 2 + 2 * BRAKING * TILE))
    return speed


def drive(points, speeds, x, y, angle, vx, vy):
    """The action [3] of a car at x, y, heading `angle` (0: along y), on a track of points [tiles, (x, y, heading)]."""
    nearest = int(np.argmin((points[:, 0] - x) ** 2 + (points[:, 1] - y) ** 2))
    speed = np.hypot(vx, vy)
    target = points[(nearest + LOOK_AHEAD + int(speed / 12)) % len(points)]
    bearing = np.arctan2(-(target[0] - x), target[1] - y)
    error = (bearing - angle + np.pi) % (2 * np.pi) - np.pi
    steer = np.clip(-STEER_GAIN * error, -1, 1)
    missing = speeds[(nearest + 1) % len(points)] - speed
    gas = np.clip(0.2 * missing, 0, 1) * (1 - 0.6 * abs(steer))
    brake = np.clip(-0.04 * (missing + 1.0), 0, 0.5)
    return np.array([steer, gas, brake], np.float32)
