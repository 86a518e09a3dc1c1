"""Plane vectors and frames of bodies as pairs of arrays, one number per body and lane.

In and out: arrays of any shape that broadcast explicitly.
"""

import numpy as np
from flax import struct
from jax import Array
from jax import numpy as jnp

from wann_jax.envs.trigonometry import sin_cos


class Vec(struct.PyTreeNode):
    """A vector of the plane."""

    x: Array
    y: Array

    def __add__(self, other: "Vec") -> "Vec":
        return Vec(self.x + other.x, self.y + other.y)

    def __sub__(self, other: "Vec") -> "Vec":
        return Vec(self.x - other.x, self.y - other.y)

    def __neg__(self) -> "Vec":
        return Vec(-self.x, -self.y)

    def __mul__(self, factor: Array | np.ndarray | float) -> "Vec":
        return Vec(self.x * factor, self.y * factor)

    def __getitem__(self, index) -> "Vec":
        return Vec(self.x[index], self.y[index])

    def dot(self, other: "Vec") -> Array:
        """Inner product."""
        return self.x * other.x + self.y * other.y

    def cross(self, other: "Vec") -> Array:
        """Third component of the vector product."""
        return self.x * other.y - self.y * other.x

    def square(self) -> Array:
        """Squared length."""
        return self.dot(self)

    def unit(self) -> "Vec":
        """The same direction with length 1; zero vectors stay as they are."""
        length = jnp.sqrt(self.square())
        return self * (1.0 / jnp.where(length > 0.0, length, 1.0))

    def left(self) -> "Vec":
        """Turned by a quarter, counter-clockwise: what an angular velocity of 1 does to a lever."""
        return Vec(-self.y, self.x)

    def right(self) -> "Vec":
        """Turned by a quarter, clockwise."""
        return Vec(self.y, -self.x)


def where(condition: Array, chosen: Vec, other: Vec) -> Vec:
    """`jnp.where` for vectors."""
    return Vec(jnp.where(condition, chosen.x, other.x), jnp.where(condition, chosen.y, other.y))


class Frame(struct.PyTreeNode):
    """Where a body is: the direction of its x axis, and its origin."""

    cosine: Array
    sine: Array
    origin: Vec  # m

    def __getitem__(self, index) -> "Frame":
        return Frame(self.cosine[index], self.sine[index], self.origin[index])

    def turn(self, local: Vec) -> Vec:
        """A direction of the body, seen from the world."""
        return Vec(self.cosine * local.x - self.sine * local.y, self.sine * local.x + self.cosine * local.y)

    def turn_back(self, direction: Vec) -> Vec:
        """A direction of the world, seen from the body."""
        return Vec(
            self.cosine * direction.x + self.sine * direction.y, self.cosine * direction.y - self.sine * direction.x
        )

    def place(self, local: Vec) -> Vec:
        """A point of the body, seen from the world."""
        return self.turn(local) + self.origin

    def find(self, point: Vec) -> Vec:
        """A point of the world, seen from the body."""
        return self.turn_back(point - self.origin)


def frame_of(position: Array, centre: Vec) -> Frame:
    """The frame of bodies whose centre of mass and angle are `position` [3, ...]; `centre`: local centre of mass."""
    sine, cosine = sin_cos(position[2])
    turned = Frame(cosine, sine, Vec(position[0], position[1]))
    return Frame(cosine, sine, turned.origin - turned.turn(centre))
