"""What drawings look like: a colour and a small curve for each activation, colours of outputs and of signs.

In: an activation's id. Out: a colour, or points of a curve in the unit circle.
"""

from functools import cache

import jax.numpy as jnp
import numpy as np

from wann_jax.genomes.activation_ids import ABS, ACTIVATION_IDS, COS, GAUSSIAN, RELU, SIGMOID, SIN, STEP
from wann_jax.networks.activations import FUNCTIONS

INK, GREY, FAINT = "#1f2937", "#64748b", "#cbd5e1"
POSITIVE, NEGATIVE = "#1f6fb4", "#c8372d"  # told apart by colour-blind people too
# Of outputs, by index, over and over: ten that are told apart as thin lines.
OUTPUT_COLOURS = (
    "#1f77b4",
    "#e8710a",
    "#2e8b3d",
    "#c8372d",
    "#8457b8",
    "#8c564b",
    "#d6489a",
    "#52606d",
    "#9a9a1a",
    "#0aa3b5",
)
_COLOURS = {
    "linear": "#64748b",
    "step": "#d97706",
    "sin": "#2563eb",
    "gaussian": "#7c3aed",
    "tanh": "#15803d",
    "sigmoid": "#65a30d",
    "inverse": "#b91c1c",
    "abs": "#92610c",
    "relu": "#be185d",
    "cos": "#0891b2",
}
COLOURS = {ACTIVATION_IDS[name]: colour for name, colour in _COLOURS.items()}
_WIDE, _HIGH = 0.66, 0.46  # half the width and the height of a curve, where the radius is 1


@cache
def curve(activation: int, points: int = 49) -> np.ndarray:
    """[points, 2]: the function around zero, y upward, within a circle of radius 1; small ones need few points."""
    reach = {SIN: 1.0, COS: 1.5, STEP: 1.0, SIGMOID: 5.0}.get(activation, 2.6)
    x = np.linspace(-reach, reach, points)
    if activation == STEP:
        x = np.array([-1.0, 0.0, 1e-6, 1.0])  # a riser, no slope
    y = np.asarray(FUNCTIONS[activation](jnp.asarray(x, jnp.float32)), float)
    return np.stack([x / reach * _WIDE, zero_height(activation) + y / np.ptp(y) * 2 * _HIGH], axis=1)


def zero_height(activation: int) -> float:
    """Where in the circle a curve's value is zero: below, for functions that never fall under it."""
    return -_HIGH if activation in (STEP, GAUSSIAN, SIGMOID, ABS, RELU) else 0.0


def tinted(colour: str, share: float) -> str:
    """The colour mixed with white: `share` of it."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - (255 - part) * share):02x}" for part in parts)
