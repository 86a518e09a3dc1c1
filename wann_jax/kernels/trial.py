"""A short trial of a backend on the machine where it is to run: whether it compiles, and agrees with another.

In: two backends. Out: what is wrong with the first, in one line, or None. It takes some seconds: the reference runs on
the host, whose programs compile much faster.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wann_jax.genomes.building import build_genome
from wann_jax.kernels.backend import Backend, LaneEpisodes
from wann_jax.kernels.losses import CrossEntropy
from wann_jax.networks.activations import FUNCTIONS
from wann_jax.networks.compiling import express
from wann_jax.networks.network import SHARED_SUMS_FROM, Network, stack_networks

TOLERANCE = 1e-3
NUM_OUTPUTS, NUM_SAMPLES, NUM_STEPS = 2, 50, 4


def failure_of(backend: Backend, reference: Backend) -> str | None:
    """What the backend cannot do, or where it differs from the reference, one for CPUs; None if all is well.

    May be called while a program is traced: another thread knows nothing of that.
    """
    with ThreadPoolExecutor(1) as pool:
        try:
            return pool.submit(_difference, backend, reference).result()
        except Exception as error:  # whatever a compiler or a driver raises
            return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"


def _difference(backend: Backend, reference: Backend) -> str | None:
    for num_inputs, parts in ((5, (_samples, _lanes, _episodes, _apart)), (SHARED_SUMS_FROM, (_samples, _lanes))):
        with _host():
            networks = _networks(num_inputs)
            wanted = [_run(part, reference, networks) for part in parts]
        for part, right in zip(parts, wanted, strict=True):
            error = np.abs(_run(part, backend, networks) - right) / np.maximum(1.0, np.abs(right))
            if not (error <= TOLERANCE).all():
                return f"{part.__name__[1:]} differ from {reference.name}'s by {error.max():.2g}"
    return None


def _host() -> Any:
    """Makes programs run on the host's CPU; where JAX has been told of none, on the default device."""
    try:
        return jax.default_device(jax.local_devices(backend="cpu")[0])
    except RuntimeError:
        return nullcontext()


def _run(part: Callable[[Backend, Network], Any], backend: Backend, networks: Network) -> np.ndarray:
    return np.asarray(jax.jit(part, static_argnums=0)(backend, networks))


def _networks(num_inputs: int) -> Network:
    """Two small networks with all activations, one after another and side by side."""
    activations = [1] * NUM_OUTPUTS + [*range(1, len(FUNCTIONS))]
    first_output = 1 + num_inputs
    hidden = range(first_output + NUM_OUTPUTS, first_output + len(activations))
    chain = [(first_output + NUM_OUTPUTS - 1 + place if place else 1, node) for place, node in enumerate(hidden)]
    fan = [(source, node) for node in hidden for source in range(1 + node % 3, first_output, 3)]
    out = [(node, first_output + node % NUM_OUTPUTS) for node in hidden] + [(0, first_output), (1, first_output + 1)]
    made = (
        build_genome("trial", (num_inputs, NUM_OUTPUTS), activations, [*hidden], pairs, [])
        for pairs in (chain + out, chain + fan + out)
    )
    return stack_networks([express(genome) for genome in made])


def _inputs(*shape: int) -> jax.Array:
    return jnp.sin(jnp.arange(float(np.prod(shape)))).reshape(shape)


def _samples(backend: Backend, networks: Network) -> Any:
    inputs, weights = _inputs(NUM_SAMPLES, networks.spec.num_inputs), jnp.asarray([-1.5, 0.7, 1.0])
    loss = CrossEntropy(jnp.arange(NUM_SAMPLES) % NUM_OUTPUTS)
    outputs = backend.samples(networks, weights, inputs, lambda outputs: outputs)
    return jnp.concatenate([outputs.ravel(), backend.samples(networks, weights, inputs, loss).ravel()])


def _lanes(backend: Backend, networks: Network) -> Any:
    inputs = _inputs(2, NUM_SAMPLES, networks.spec.num_inputs)
    weights = jnp.linspace(-2.0, 2.0, NUM_SAMPLES)
    return backend.act(networks, weights, lambda policy: policy.step(policy.memory, inputs)[1])


def _episodes(backend: Backend, networks: Network) -> Any:
    """Of a state that follows the outputs."""
    start = _inputs(NUM_SAMPLES, networks.spec.num_inputs)
    weights = jnp.linspace(-0.5, 0.5, NUM_SAMPLES)

    def step(pull, state, outputs):
        state = state + pull * jnp.tanh(outputs[0]) * jnp.cos(state)
        return state, state.sum() - outputs[1], state[0] > 10.0

    if backend.episodes:
        lane = LaneEpisodes(jnp.float32(0.1), start, NUM_STEPS, step, lambda state: state)
        return backend.episodes(networks, weights, lane)[0]

    def use(policy):
        def advance(_, carry):
            memory, state, returns = carry
            memory, outputs = policy.step(memory, state)
            state, reward, _ = jax.vmap(jax.vmap(step, (None, 0, 0)), (None, 0, 0))(jnp.float32(0.1), state, outputs)
            return memory, state, returns + reward

        states = jnp.broadcast_to(start, (2, *start.shape))
        return jax.lax.fori_loop(0, NUM_STEPS, advance, (policy.memory, states, jnp.zeros((2, NUM_SAMPLES))))[2]

    return backend.act(networks, weights, use)


def _apart(backend: Backend, networks: Network) -> Any:
    """Loops of other lengths for each lane, in which lanes read and write rows of their own."""

    def function(rows, rounds):
        def advance(carry):
            count, value, written = carry
            busy, row = count < rounds, count.max() % 3
            value = jnp.where(busy, jnp.tanh(value + rows[row]), value)
            return count + 1, value, written.at[row].add(jnp.where(busy, value, 0.0))

        start = jnp.zeros_like(rounds), rows[0], jnp.zeros_like(rows)
        return jax.lax.while_loop(lambda carry: (carry[0] < rounds).any(), advance, start)[2]

    return backend.apart(function, _inputs(3, NUM_SAMPLES), jnp.arange(NUM_SAMPLES, dtype=jnp.int32) % 7)
