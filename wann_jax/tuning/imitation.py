"""Tuning by imitation of an expert: the network acts, the expert says at every look what it would have done.

In: a task with an expert (tasks/demonstrations.py), a topology, starting weights. Out: a `Method` (see tuning/api.py).
A step is a round: fresh episodes, in the first round the expert's own, are added to those of the rounds before, and
gradient descent fits the network's outputs to what the expert wanted. So a network learns what to do where it gets
to itself. Source: Ross, Gordon & Bagnell 2011, "A reduction of imitation learning and structured prediction to
no-regret online learning".
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax
from jaxtyping import Float

from wann_jax.networks.layered import Topology, in_lanes, in_layers
from wann_jax.strictness import loose_types
from wann_jax.tasks.demonstrations import Demonstrations, demonstrations, looks_of, no_demonstrations
from wann_jax.tuning.config import TuneConfig

UPDATES = 2000  # of each round
_ROUNDS_KEPT = 32
_PULL_BACK = 0.01  # on outputs beyond their bounds, which would have no gradient there


class _State(NamedTuple):
    weights: Float[Array, "1 C"]
    moments: Any
    seen: Demonstrations  # of the rounds, [rounds * looks, ...]
    rounds: Array  # so far


class Imitation:
    """One run."""

    uses_all_devices = False
    first_snapshot = 0

    def __init__(self, task: Any, topology: Topology, config: TuneConfig):
        self.topology, self.config = topology, config
        self.kept = min(config.steps, _ROUNDS_KEPT)
        self.looks = config.episodes * looks_of(task)
        self.low, self.high = (jnp.asarray(bound, jnp.float32)[None] for bound in task.output_bounds)
        whole = dataclasses.replace(config, steps=config.steps * UPDATES)
        self.optimiser = whole.optimiser(config.learning_rates[0])

    def init(self, key: Array, start: Float[Array, "C"]) -> _State:
        """Nothing has been seen."""
        seen = no_demonstrations(self.topology.num_inputs, self.low.shape[1], self.kept * self.looks)
        return _State(start[None], self.optimiser.init(start), seen, jnp.int32(0))

    def weights(self, state: _State) -> Float[Array, "1 C"]:
        """What the run has come to."""
        return state.weights

    def step(self, task: Any, key: Array, state: _State) -> _State:
        """One round. Consumes `key`."""
        look_key, fit_key = jax.random.split(key)
        by_expert, place = state.rounds == 0, state.rounds % self.kept * self.looks

        def act(inputs, wanted):
            return jnp.where(by_expert, wanted, in_lanes(self.topology, state.weights[0][None], inputs))

        new, _ = demonstrations(task, act, look_key, self.config.episodes)
        new = new._replace(wanted=jnp.clip(new.wanted, self.low, self.high))
        seen = state.seen.put(new, place)
        weights, moments = self._fit(seen, fit_key, state.weights[0], state.moments)
        return _State(weights[None], moments, seen, state.rounds + 1)

    def _fit(self, seen: Demonstrations, key: Array, weights: Array, moments: Any) -> tuple[Array, Any]:
        """Some updates on looks drawn from all that count; every output's error is in its own deviations."""
        draw = seen.drawer()
        deviation = seen.wanted.std(0, where=seen.counts[:, None]) + 1e-3

        def loss(weights, chosen):
            outputs = in_layers(self.topology, weights, seen.inputs[chosen])
            limited = jnp.clip(outputs, self.low, self.high)
            errors = ((limited - seen.wanted[chosen]) / deviation[None]) ** 2
            return (errors + _PULL_BACK * (outputs - limited) ** 2).mean()

        def update(index, carry):
            weights, moments = carry
            gradient = jax.grad(loss)(weights, draw(jax.random.fold_in(key, index)))
            with loose_types():
                changes, moments = self.optimiser.update(gradient, moments, weights)
                return optax.apply_updates(weights, changes), moments

        return lax.fori_loop(0, UPDATES, update, (weights, moments))

    @property
    def work_per_step(self) -> float:
        """Episodes."""
        return float(self.config.episodes)
