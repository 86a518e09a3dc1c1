"""Cart-pole swing-up in plain float64 Python, from the published equations; imports nothing of ours."""

import math

GRAVITY, CART, POLE, LENGTH, FORCE, STEP, FRICTION, TRACK = 9.82, 0.5, 0.5, 0.6, 10.0, 0.01, 0.1, 2.4


def advance(state, action):
    """(x, x', theta, theta') and an action -> the next state, the reward, whether the cart has left the track."""
    x, dx, theta, dtheta = state
    force = FORCE * max(-1.0, min(1.0, action))
    s, c = math.sin(theta), math.cos(theta)
    total, ml = CART + POLE, POLE * LENGTH
    ddx = (-2 * ml * dtheta**2 * s + 3 * POLE * GRAVITY * s * c + 4 * force - 4 * FRICTION * dx) / (
        4 * total - 3 * POLE * c**2
    )
    ddtheta = (-3 * ml * dtheta**2 * s * c + 6 * total * GRAVITY * s + 6 * (force - FRICTION * dx) * c) / (
        4 * LENGTH * total - 3 * ml * c**2
    )
    x, theta = x + STEP * dx, theta + STEP * dtheta
    dx, dtheta = dx + STEP * ddx, dtheta + STEP * ddtheta
    reward = (math.cos(theta) + 1) / 2 * math.cos(math.pi * x / (2 * TRACK))
    return (x, dx, theta, dtheta), reward, abs(x) > TRACK


def observe(state):
    """x, x', cos theta, sin theta, theta'."""
    x, dx, theta, dtheta = state
    return [x, dx, math.cos(theta), math.sin(theta), dtheta]
