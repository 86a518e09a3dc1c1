"""From the original's window to the 64 x 64 pixels that the driver sees: a few constant tables, made once in NumPy.

The original draws a window of 1000 x 800 points, shrinks it to 96 x 96 by averages, and the paper's wrapper shrinks the
upper 84 rows of those to 64 x 64 with a bilinear filter. A bar of indicators lies below those rows.
"""

from functools import cache

import numpy as np

from wann_jax.envs.car_racing.parts import (
    ANCHORS,
    HULL_CENTRE,
    HULL_POLYGONS,
    NUM_WHEELS,
    WHEEL_HALF_WIDTH,
    WHEEL_RADIUS,
)

SIZE = 64  # pixels along each side of the picture
FRAME_SIZE, FRAME_ROWS = 96, 84  # pixels along each side of the original's frame; its rows without indicators
WINDOW_WIDTH, WINDOW_HEIGHT = 1000, 800  # points
CAR_COLUMN, CAR_ROW = 500.0, 600.0  # points from the left and the top: the hull's origin
PIXEL_WIDTH = WINDOW_WIDTH / SIZE  # points
PIXEL_HEIGHT = WINDOW_HEIGHT * FRAME_ROWS / FRAME_SIZE / SIZE  # points
NUM_ZOOMS = 50  # frames until the camera is close
ZOOM = 16.2  # points per m, when close
STEER_ANGLES = np.linspace(-0.46, 0.46, 13)  # rad, of the front wheels
CAR_ROWS, CAR_COLUMNS = slice(49, 61), slice(28, 36)  # pixels that show some of the car
_START_ZOOM = 0.6
_SPREAD = 0.03  # m: a polygon's outline is drawn around it
_GRAIN = 0.03  # m, between sampled points
_HULL_COLOUR, _WHEEL_COLOUR = (202.0, 0.0, 0.0), (14.0, 14.0, 14.0)  # a wheel's grey strip turns too fast to be seen
DARKER = 2  # the original's shrinking takes so much from every colour but black


def zooms() -> np.ndarray:
    """Points per m for each frame from the first one on; the last holds for all later frames."""
    time = np.minimum(np.arange(1, NUM_ZOOMS + 1) / NUM_ZOOMS, 1.0)
    return _START_ZOOM * (1.0 - time) + ZOOM * time


def shrink(frame: np.ndarray) -> np.ndarray:
    """An original frame [96, 96, 3] of bytes as the driver sees it: [64, 64, 3] bytes."""
    columns, rows = bilinear(FRAME_SIZE), bilinear(FRAME_ROWS)
    smaller = np.einsum("rh,hwk,cw->rck", rows, frame[:FRAME_ROWS].astype(float), columns)
    return np.clip(np.floor(smaller + 0.5), 0, 255).astype(np.uint8)


@cache
def car_layers() -> np.ndarray:
    """The car [zooms, steer angles, rows, columns, 4]: colour times coverage, and coverage."""
    x = np.arange(-1.4, 1.4, _GRAIN) + _GRAIN / 2
    y = np.arange(-2.8, 2.9, _GRAIN) + _GRAIN / 2
    hull = np.asarray(np.any([_is_inside(polygon, x, y) for polygon in HULL_POLYGONS], axis=0))
    wheels = np.stack([_wheels(angle, x, y) for angle in STEER_ANGLES]) & ~hull
    colours = [hull[None] * colour + wheels * other for colour, other in zip(_HULL_COLOUR, _WHEEL_COLOUR, strict=True)]
    layers = np.stack([*colours, hull | wheels], -1)
    table = []
    for zoom in zooms():
        rows = _weights(FRAME_ROWS, WINDOW_HEIGHT / FRAME_SIZE, CAR_ROW - zoom * y)[CAR_ROWS]
        columns = _weights(FRAME_SIZE, WINDOW_WIDTH / FRAME_SIZE, CAR_COLUMN + zoom * x)[CAR_COLUMNS]
        table.append(np.einsum("ry,syxk,cx->srck", rows, layers, columns, optimize=True) * (_GRAIN * zoom) ** 2)
    return np.stack(table).astype(np.float32)


def bilinear(size: int) -> np.ndarray:
    """[64, size]: each pixel's shares of a row or column, with the filter as wide as the reduction asks for."""
    scale = size / SIZE
    centre = (np.arange(SIZE) + 0.5) * scale
    weight = np.maximum(1.0 - np.abs(np.arange(size) + 0.5 - centre[:, None]) / scale, 0.0)
    return weight / weight.sum(1, keepdims=True)


def _weights(size: int, points_per_pixel: float, places: np.ndarray) -> np.ndarray:
    """[64, places]: what a point of the window at each place gives to each pixel."""
    pixel = np.floor(places / points_per_pixel).astype(int)
    inside = (pixel >= 0) & (pixel < size)
    return np.where(inside, bilinear(size)[:, np.clip(pixel, 0, size - 1)], 0.0) / points_per_pixel


def _is_inside(polygon: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[y, x]: points in a convex polygon or on its outline."""
    after = np.roll(polygon, -1, 0)
    area = (polygon[:, 0] * after[:, 1] - polygon[:, 1] * after[:, 0]).sum()
    inside = np.ones((len(y), len(x)), bool)
    for start, end in zip(polygon, after, strict=True):
        edge = (end - start) * np.sign(area) / np.linalg.norm(end - start)
        inside &= edge[0] * (y[:, None] - start[1]) - edge[1] * (x - start[0]) >= -_SPREAD
    return inside


def _wheels(angle: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[y, x]: points of the wheels, with the front ones at an angle to the hull."""
    box = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (WHEEL_HALF_WIDTH, WHEEL_RADIUS)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    places = ANCHORS + HULL_CENTRE
    boxes = [place + (box @ turn.T if i < NUM_WHEELS // 2 else box) for i, place in enumerate(places)]
    return np.asarray(np.any([_is_inside(corners, x, y) for corners in boxes], axis=0))
