"""What a network computes, in float64 and by recursion over its nodes; the activations by their ids."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

ACTIVATIONS: dict[int, Callable[..., Any]] = {
    1: lambda x: x,
    2: lambda x: np.where(x > 0, 1.0, 0.0),
    3: lambda x: np.sin(math.pi * x),
    4: lambda x: np.exp(-(x**2) / 2),
    5: np.tanh,
    6: lambda x: 1 / (1 + np.exp(-np.clip(x, -700, 700))),  # clipped where float64 would overflow
    7: lambda x: -x,
    8: np.abs,
    9: lambda x: np.maximum(x, 0),
    10: lambda x: np.cos(math.pi * x),
}


def evaluate(plain, weights, inputs, num_outputs):
    """Outputs [B, O] of a genome (activations, connections) for inputs [B, I].

    `weights`: one number, or one per enabled connection in the order of `connections`.
    """
    return evaluate_bounded(plain, weights, inputs, num_outputs)[0]


def evaluate_settled(plain, weights, inputs, num_outputs, rounding=6e-7, allowed=1e-4):
    """Outputs, and where they are settled: every sum may be off by rounding to float32, and they hardly move.

    Networks with steps, with sin(pi x) of large x or with cancelling sums turn a rounding error into an arbitrarily
    large one, whatever evaluates them; a comparison in float32 means something only where that does not happen.
    """
    exact, bound = evaluate_bounded(plain, weights, inputs, num_outputs, rounding)
    return exact, bound <= allowed * np.maximum(1.0, np.abs(exact))


def evaluate_bounded(plain, weights, inputs, num_outputs, rounding=0.0):
    """Outputs, and how far each may move when a sum of terms is off by `rounding` times the sum of their sizes."""
    activations, connections = plain
    num_samples, num_inputs = np.shape(inputs)
    enabled = [(source, target) for source, target, is_enabled in connections if is_enabled]
    weights = np.broadcast_to(weights, len(enabled)).tolist()
    exactly = np.zeros(num_samples)
    values = {0: (np.ones(num_samples), exactly)}
    values |= {node: (column, exactly) for node, column in enumerate(np.asarray(inputs, np.float64).T, start=1)}

    def value(node):
        if node not in values:
            before = bound = np.zeros(num_samples)
            for (source, target), weight in zip(enabled, weights, strict=True):
                if target == node:
                    term, term_bound = (weight * part for part in value(source))
                    before = before + term
                    bound = bound + rounding * np.abs(term) + np.abs(term_bound)
            function = ACTIVATIONS[activations[node]]
            after = function(before)
            moved = [np.abs(function(before + sign * bound) - after) for sign in (-1.0, 1.0)]
            underflow = np.abs(after) < np.finfo(np.float32).tiny  # what float32 takes for 0
            values[node] = after, np.maximum(*moved) + np.where(underflow, 1.0, rounding) * np.abs(after)
        return values[node]

    outputs = [value(1 + num_inputs + index) for index in range(num_outputs)]
    return tuple(np.stack(part, axis=-1) for part in zip(*outputs, strict=True))
