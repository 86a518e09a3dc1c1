"""What a network computes, in float64 and by recursion over its nodes; the activations by their ids."""

import math

import numpy as np

ACTIVATIONS = {
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


def evaluate(plain, weights, inputs, num_outputs, jitter=lambda terms: 0.0):
    """Outputs [B, O] of a genome (activations, connections) for inputs [B, I].

    `weights`: one number, or one per enabled connection in the order of `connections`. `jitter` is added to each
    pre-activation: a function of the list of its terms.
    """
    activations, connections = plain
    num_samples, num_inputs = np.shape(inputs)
    enabled = [(source, target) for source, target, is_enabled in connections if is_enabled]
    weights = np.broadcast_to(weights, len(enabled)).tolist()
    values = {0: np.ones(num_samples)}
    values |= {1 + index: np.asarray(inputs, np.float64)[:, index] for index in range(num_inputs)}

    def value(node):
        if node not in values:
            joined = zip(enabled, weights, strict=True)
            terms = [weight * value(source) for (source, target), weight in joined if target == node]
            before = sum(terms, np.zeros(num_samples)) + jitter(terms)
            values[node] = ACTIVATIONS[activations[node]](before)
        return values[node]

    return np.stack([value(1 + num_inputs + index) for index in range(num_outputs)], axis=-1)


def evaluate_settled(plain, weights, inputs, num_outputs, relative=6e-7, allowed=2e-5):
    """Outputs, and where they are settled: hardly move when every sum is disturbed as by rounding to float32.

    Networks with steps, with sin(pi x) of large x or with cancelling sums turn a rounding error into an arbitrarily
    large one, whatever evaluates them; a comparison in float32 means something only where that does not happen.
    """
    random = np.random.default_rng(0)
    exact = evaluate(plain, weights, inputs, num_outputs)
    moved = np.zeros_like(exact)
    for signs in ([1.0], [-1.0], [-1.0, 1.0], [-1.0, 1.0], [-1.0, 1.0]):

        def rounding(terms, signs=signs):
            return relative * random.choice(signs, len(inputs)) * sum(map(np.abs, terms), np.zeros(len(inputs)))

        disturbed = evaluate(plain, weights, inputs, num_outputs, rounding)
        moved = np.maximum(moved, np.abs(disturbed - exact))
    return exact, moved <= allowed * np.maximum(1.0, np.abs(exact))
