"""The floor: how fast this machine could evaluate networks if it did nothing but multiply, add and activate.

Multiply-adds are counted from the networks (the sums over inputs once per sample, the rest once per weight and sample),
and activations that need a transcendental function; against a measured matrix product and a measured tanh of values
in the first-level cache, on all cores: XLA runs so small an operation on one thread of each device.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.common import time_it
from wann_jax.devices import over_population
from wann_jax.genomes.activation_ids import COS, GAUSSIAN, SIGMOID, SIN, TANH
from wann_jax.networks.network import Network

MATRIX_SIZE = 1024
NUM_VALUES = 4096  # for each device: they stay in the first-level cache
TANH_REPEATS = 2000
TRANSCENDENTAL = (SIN, GAUSSIAN, TANH, SIGMOID, COS)


def machine_rates() -> dict[str, float]:
    """Measured multiply-adds and activations per second."""
    matrix = jnp.ones((MATRIX_SIZE, MATRIX_SIZE))
    product = time_it(lambda: matrix @ matrix, 9)
    values = jnp.ones((len(jax.devices()), NUM_VALUES))

    def repeatedly(rows):
        return lax.fori_loop(0, TANH_REPEATS, lambda _, rows: jnp.tanh(rows), rows)

    activate = jax.jit(lambda values: over_population(repeatedly)(values))
    tanh = time_it(lambda: activate(values), 9)
    threads = max(1, (os.cpu_count() or 1) // len(jax.devices()))
    return {
        "multiply_adds_per_second": MATRIX_SIZE**3 / product["median"],
        "activations_per_second": threads * values.size * TANH_REPEATS / tanh["median"],
    }


def floor_seconds(networks: Network, num_weights: int, num_samples: int, rates: dict[str, float]) -> float:
    """For all networks of the batch."""
    once = int(np.count_nonzero(np.asarray(networks.sum_source)))
    rows = np.asarray(networks.row_source)
    used = np.arange(rows.shape[1]) < np.asarray(networks.num_rows)[:, None]
    per_weight = int(np.count_nonzero(rows[used]))
    nodes = int(np.isin(np.asarray(networks.row_activation)[used], TRANSCENDENTAL).sum())
    multiply_adds = num_samples * (once + num_weights * per_weight)
    activations = num_samples * num_weights * nodes
    return multiply_adds / rates["multiply_adds_per_second"] + activations / rates["activations_per_second"]
