"""Whether heights could be a terrain of Gymnasium's walker. Plain Python."""

import math

BASE, NOISE, PAD = 400 / 30 / 4, 1 / 30, 20


def allowed_terrain(heights, tolerance=2e-5):
    """Replays the recursion, taking each point's noise from the heights and each counter from the repeated points."""
    slope, height, since_rest = 0.0, BASE, 0
    for i, new in enumerate(map(float, heights)):
        gap = new - height
        without_noise = 0.8 * slope + 0.01 * (0 if abs(BASE - height) < 1e-6 else math.copysign(1, BASE - height))
        noise = gap - without_noise
        if i < PAD:
            if abs(gap) > tolerance:
                return False
        elif i == PAD or (abs(gap) < 1e-7 and 5 <= since_rest <= 9):
            if abs(gap) > tolerance:
                return False
            since_rest = 1  # the counter of 5 to 9 points starts with this one
            height = new
            continue
        else:
            if abs(noise) > NOISE + tolerance or since_rest >= 9:
                return False
            slope = gap
        height, since_rest = new, since_rest + 1
    return True
