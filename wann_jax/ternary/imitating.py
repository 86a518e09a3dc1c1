"""A network with one shared weight that imitates an expert, whatever the weight: whole numbers, found by gradient.

Outputs are w^2 (W x + b) with whole W and b (embedding.py: parallel relays), and the task clips them. A bold expert
drives well at any such factor, so a network that wants what it wants does, too. Whole numbers are trained straight
through, in rounds: the network acts, each episode at a weight of its own, the expert says at every look what it would
have wanted, and gradient descent fits what is within the bounds (dataset aggregation).

Not the paper's search. In: a task with an expert, settings, a seed. Out: a genome, chosen by the returns of episodes
that it had not learned from. Source: Ross, Gordon & Bagnell 2011; straight-through estimates after Bengio et al. 2013.
"""

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax
from jaxtyping import Float, Key

from wann_jax.errors import require
from wann_jax.evolution.progress import StepProgress
from wann_jax.networks.compiling import express
from wann_jax.strictness import in_32_bits, loose_types
from wann_jax.tasks.base import Task
from wann_jax.tasks.demonstrations import (
    LOOKS_PER_UPDATE,
    Demonstrations,
    demonstrations,
    looks_of,
    no_demonstrations,
    require_expert,
)
from wann_jax.ternary.api import TernaryResult
from wann_jax.ternary.embedding import connections_of, embedded

LARGEST_WEIGHT = 2.0  # size of the shared weights that it learns to be independent of
_SLOPE_OUTSIDE = 0.02  # of outputs beyond their bounds, which would have no gradient there
_HALVINGS = 12  # of the interval in which the scale that fits the budget lies


@dataclasses.dataclass(frozen=True)
class ImitationConfig:
    """What the search does; sizes are static."""

    connections: int = 245  # of the network at most, relays counted
    rounds: int = 20  # of new episodes
    episodes: int = 64  # of each round
    updates: int = 3000  # of each round
    learning_rate: float = 0.03  # of Adam, falling to 0
    largest: int = 8  # size of a whole weight

    def check(self) -> None:
        """Raises ConfigError on the first setting that breaks a rule."""
        for field in ("connections", "rounds", "episodes", "updates", "largest"):
            value, least = getattr(self, field), 2 if field in ("connections", "rounds") else 1
            fits = isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**31
            require(fits, f"imitate.{field}", f"a whole number, at least {least}", value)
        rate = self.learning_rate
        fits = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate < float("inf")
        require(fits, "imitate.learning_rate", "finite and above 0", rate)

    @property
    def optimiser(self) -> optax.GradientTransformation:
        """Of all rounds."""
        return optax.adam(optax.cosine_decay_schedule(self.learning_rate, self.rounds * self.updates))


class _State(NamedTuple):
    latent: Float[Array, "J O"]  # of inputs and bias, which is last
    moments: Any
    seen: Demonstrations


@in_32_bits
def search_imitation(
    task: Task, config: ImitationConfig | None = None, seed: int = 0, progress: bool = False
) -> TernaryResult:
    """Finds a network that imitates the task's expert under every shared weight, by gradient descent.

    Args:
        task: one with an expert (tasks/demonstrations.py): car racing.
        config: the settings.
        seed: same seed, same result.
        progress: whether to show how far it is.

    Returns:
        The network of the round whose episodes, fresh ones, at weights all over [0, 2], had the best mean return.

    Raises:
        ConfigError: if the task has no expert, or a setting is out of range.

    Source: our own finding; see wann_jax/genomes/grading.py.
    """
    config = config or ImitationConfig()
    config.check()
    require_expert(task, "task", "one with an expert", task.name)
    require(0 <= seed < 2**63, "seed", "between 0 and 2**63 - 1", seed)
    start_key, key = jax.random.split(jax.random.key(seed))
    state, best, best_score, curve = _begin(task, config, start_key), None, -np.inf, []
    with StepProgress("rounds", config.rounds, is_on=progress) as shown:
        for count in range(config.rounds + 1):  # the first one is the expert's, the last one only judges
            order_key, look_key, fit_key = jax.random.split(jax.random.fold_in(key, count), 3)
            weights, new, returns = _driven(config, task, (order_key, look_key), state.latent, count == 0)
            if count:
                score = float(returns.mean())
                if score > best_score:
                    best, best_score = np.asarray(weights), score
                curve.append({"step": float(count), "score": score, "best": best_score})
            if count < config.rounds:
                state = _learned(config, task, fit_key, state, new, jnp.int32(count))
            shown.show(min(count, config.rounds), f"best {best_score:.4g}" if count else "the expert")
    assert best is not None
    genome = embedded([best], "abs")
    return TernaryResult(genome, jax.jit(express)(genome), best_score, curve)


def whole(config: ImitationConfig, latent: Float[Array, "J O"]) -> Float[Array, "J O"]:
    """Whole weights, all in proportion so small that their network has no more connections than it may."""

    def scaled(scale):
        return jnp.round(jnp.clip(scale * latent, -config.largest, config.largest))

    def fits(scale):
        return connections_of(scaled(scale)) <= config.connections

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        return jnp.where(fits(middle), middle, low), jnp.where(fits(middle), high, middle)

    low, _ = lax.fori_loop(0, _HALVINGS, halve, (jnp.float32(0.0), jnp.float32(1.0)))
    return scaled(jnp.where(fits(1.0), 1.0, low))


def _begin(task: Any, config: ImitationConfig, key: Key[Array, ""]) -> _State:
    sizes = task.num_inputs, task.num_outputs
    latent = jax.random.normal(key, (sizes[0] + 1, sizes[1])).at[-1].set(0.0)
    seen = no_demonstrations(*sizes, config.rounds * config.episodes * looks_of(task))
    return _State(latent, config.optimiser.init(latent), seen)


@partial(jax.jit, static_argnums=(0, 4))
def _driven(
    config: ImitationConfig, task: Any, keys: tuple[Array, Array], latent: Float[Array, "J O"], by_expert: bool
) -> tuple[Float[Array, "J O"], Demonstrations, Float[Array, "R"]]:
    """The whole weights, fresh episodes of theirs or of the expert's, and their returns. Consumes `keys`."""
    order_key, look_key = keys
    places = jax.random.permutation(order_key, config.episodes).astype(jnp.float32)
    factors = (LARGEST_WEIGHT * (places + 0.5) / config.episodes)[:, None] ** 2
    weights = whole(config, latent)

    def act(inputs, wanted):
        return factors * (wanted if by_expert else _outputs(weights, inputs))

    return weights, *demonstrations(task, act, look_key, config.episodes, is_bold=True)


@partial(jax.jit, static_argnums=0)
def _learned(
    config: ImitationConfig, task: Any, key: Key[Array, ""], state: _State, new: Demonstrations, count: Array
) -> _State:
    """After some updates on looks drawn from all that count, each at a weight of its own. Consumes `key`."""
    seen = state.seen.put(new, count * new.counts.shape[0])
    low, high = (jnp.asarray(bound, jnp.float32)[None] for bound in task.output_bounds)
    draw = seen.drawer()

    def limited(outputs):
        inside = jnp.clip(outputs, low, high)
        return inside + _SLOPE_OUTSIDE * (outputs - inside)

    def loss(latent, inputs, wanted, factors):
        weights = latent + lax.stop_gradient(whole(config, latent) - latent)
        return ((limited(factors * _outputs(weights, inputs)) - limited(factors * wanted)) ** 2).mean()

    def update(index, carry):
        latent, moments = carry
        look_key, factor_key = jax.random.split(jax.random.fold_in(key, index))
        looks = draw(look_key)
        factors = jax.random.uniform(factor_key, (LOOKS_PER_UPDATE, 1), maxval=LARGEST_WEIGHT) ** 2
        gradient = jax.grad(loss)(latent, seen.inputs[looks], seen.wanted[looks], factors)
        with loose_types():
            changes, moments = config.optimiser.update(gradient, moments)
            return optax.apply_updates(latent, changes), moments

    latent, moments = lax.fori_loop(0, config.updates, update, (state.latent, state.moments))
    return _State(latent, moments, seen)


def _outputs(weights: Float[Array, "J O"], inputs: Float[Array, "N I"]) -> Float[Array, "N O"]:
    return inputs @ weights[:-1] + weights[-1][None]
