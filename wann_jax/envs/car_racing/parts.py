"""The car's parts: shapes, masses and joints, as Box2D computes them from the original's polygons."""

import numpy as np

UNIT = 0.02  # m; the original's drawing unit
NUM_WHEELS = 4  # front left, front right, rear left, rear right
HULL_POLYGONS = tuple(
    UNIT * np.array(corners, float)
    for corners in (
        [(-60, 130), (60, 130), (60, 110), (-60, 110)],
        [(-15, 120), (15, 120), (20, 20), (-20, 20)],
        [(25, 20), (50, -10), (50, -40), (20, -90), (-20, -90), (-50, -40), (-50, -10), (-25, 20)],
        [(-50, -120), (50, -120), (50, -90), (-50, -90)],
    )
)
WHEEL_HALF_WIDTH = 14 * UNIT  # m
WHEEL_RADIUS = 27 * UNIT  # m; from above, half its length
WHEEL_DENSITY = 0.1  # kg / m^2
_ANCHORS = UNIT * np.array([(-55, 80), (55, 80), (-55, -82), (55, -82)], float)


def _mass_properties(polygons, density: float):
    """Mass, centre, and moment of inertia about the centre."""
    area, first, second = 0.0, np.zeros(2), 0.0
    for corners in polygons:
        after = np.roll(corners, -1, 0)
        cross = corners[:, 0] * after[:, 1] - corners[:, 1] * after[:, 0]
        sign = np.sign(cross.sum())
        area += sign * cross.sum() / 2.0
        first += sign * (cross[:, None] * (corners + after)).sum(0) / 6.0
        squares = (corners * corners + corners * after + after * after).sum(1)
        second += sign * (cross * squares).sum() / 12.0
    centre = first / area
    return density * area, centre, density * (second - area * centre @ centre)


_WHEEL = [np.array([(-1, 1), (1, 1), (1, -1), (-1, -1)]) * (WHEEL_HALF_WIDTH, WHEEL_RADIUS)]
HULL_MASS, HULL_CENTRE, HULL_INERTIA = _mass_properties(HULL_POLYGONS, 1.0)  # kg, m, kg m^2
WHEEL_MASS, _, WHEEL_INERTIA = _mass_properties(_WHEEL, WHEEL_DENSITY)
ANCHORS = _ANCHORS - HULL_CENTRE  # [4, 2] m, from the hull's centre of mass: where the wheels' centres are held
