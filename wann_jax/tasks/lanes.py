"""The one rollout of tasks whose episodes run in lanes: individual x weight x episode, all stepped at the same time.

In: networks, with a shared weight for each lane or weights of their own, and a key. Out: returns and steps. A task says
what its environment does to lanes (`InLanes`); here are the blocks of individuals, the kernels that evaluate networks,
the loop over steps, and what is counted. All individuals and weights see the same episodes. A lane that has ended earns
nothing more, and a block's loop ends with its last lane.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Key

from wann_jax.devices import over_blocks
from wann_jax.kernels.backend import Backend, LaneEpisodes, Policy
from wann_jax.kernels.choosing import on_each_platform
from wann_jax.kernels.lane_arrays import NotLanewiseError
from wann_jax.kernels.native import LANES_PER_BLOCK
from wann_jax.networks.layered import Topology, in_lanes
from wann_jax.networks.network import Network
from wann_jax.tasks.base import Episodic
from wann_jax.tasks.tunable import ReturnsAreScores


class Lanes(NamedTuple):
    """All lanes of P individuals at a time; an individual's are weight x episode, episodes innermost."""

    state: Any  # the environment's own, of any shape
    returns: Float[Array, "P L"]  # so far
    alive: Bool[Array, "P L"]


class InLanes(Episodic, ReturnsAreScores):
    """A task whose environment is stepped in lanes.

    What `begin` gives is the same for all individuals; the other methods get it as `begun`.
    """

    @property
    def max_lanes(self) -> int | None:
        """In a block of individuals; None: as many as suit the kernels."""
        return None

    @property
    def step_limit(self) -> Any:
        """Of an episode; a number, traced or not."""
        raise NotImplementedError

    @property
    def steps_per_action(self) -> int:
        """An action holds on for so many steps until the next look."""
        return 1

    def begin(self, key: Key[Array, ""], episodes: int) -> Any:
        """The episodes. Consumes `key`."""
        raise NotImplementedError

    def reset(self, begun: Any, shape: tuple[int, int], episodes: int) -> Any:
        """The state of lanes [P, L] before the first step."""
        raise NotImplementedError

    def observe(self, begun: Any, lanes: Lanes) -> tuple[Any, Float[Array, "P L I"]]:
        """Their state, which may remember what was seen, and the networks' inputs."""
        raise NotImplementedError

    def act(self, outputs: Float[Array, "P L O"]) -> Any:
        """Actions."""
        raise NotImplementedError

    def step(self, begun: Any, count: Any, lanes: Lanes, actions: Any) -> Lanes:
        """After one more step, the one with this number; lanes that have ended get nothing."""
        raise NotImplementedError

    def stop(self, lanes: Lanes) -> None:
        """Called when the block's last lane has ended."""

    def lane(self, begun: Any) -> LaneEpisodes | None:
        """What one lane does, for kernels that run whole episodes; None: it is not to be told."""
        return None

    def rollout(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> tuple[Float[Array, "P W R"], Float[Array, "P"]]:
        """Return of each episode, and the steps that each individual took in all. Consumes `key`."""
        num_weights = shared_weights.shape[0]
        num_lanes = num_weights * episodes

        def rollout(backend: Backend, task, networks, lane_weights, begun):
            lane = task.lane(begun)
            if backend.episodes and lane:
                with suppress(NotLanewiseError):
                    returns, steps = backend.episodes(networks, lane_weights, lane)
                    return returns.reshape(-1, num_weights, episodes), steps

            def run(block):
                shape = (block.num_rows.shape[0], num_lanes)
                run = partial(_run, task, begun, shape, episodes, backend.steps_per_look)
                returns, steps = backend.act(block, lane_weights, run)
                return returns.reshape(shape[0], num_weights, episodes), steps

            most = task.max_lanes
            size = max(1, most // num_lanes) if most else backend.individuals_per_block(networks, num_lanes)
            return over_blocks(run, networks, size)

        lane_weights = jnp.repeat(shared_weights, episodes)
        return on_each_platform(rollout, self, networks, lane_weights, self.begin(key, episodes))

    def score_weights(
        self, topology: Topology, weights: Float[Array, "P #R C"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P R"]:
        """Return of each of R = `episodes` episodes under each weight vector, or a vector for each episode.

        Consumes `key`; `split` makes no difference: every key is fresh.
        """
        begun = self.begin(key, episodes)

        def rollout(backend: Backend, task, weights, begun):
            def run(block):
                policy = Policy((), lambda nothing, inputs: (nothing, in_lanes(topology, block, inputs)))
                return _run(task, begun, (block.shape[0], episodes), episodes, backend.steps_per_look, policy)[0]

            return over_blocks(run, weights, max(1, (task.max_lanes or LANES_PER_BLOCK) // episodes))

        return on_each_platform(rollout, self, weights, begun)


def _run(
    task: InLanes, begun: Any, shape: tuple[int, int], episodes: int, steps_per_look: int, policy: Policy
) -> tuple[Float[Array, "P L"], Float[Array, "P"]]:
    """Returns of all lanes, and each individual's steps."""
    limit, stride = task.step_limit, task.steps_per_action
    looks = 1 if stride > 1 else steps_per_look

    def running(carry):
        count, _, _, lanes = carry
        return (count < limit) & lanes.alive.any()

    def look_and_act(carry):
        count, memory, steps, lanes = carry
        state, inputs = task.observe(begun, lanes)
        memory, outputs = policy.step(memory, inputs)
        actions = task.act(outputs)

        def advance(index, carry):
            steps, lanes = carry
            if stride > 1 or looks > 1:  # the last action, or the last look, may last beyond the end
                lanes = lanes._replace(alive=lanes.alive & (count + index < limit))
            steps = steps + lanes.alive.sum(-1, dtype=jnp.int32)
            return steps, task.step(begun, count + index, lanes, actions)

        steps, lanes = _repeated(advance, stride, (steps, lanes._replace(state=state)))
        return count + stride, memory, steps, lanes

    lanes = Lanes(task.reset(begun, shape, episodes), jnp.zeros(shape), jnp.ones(shape, bool))
    start = (0, policy.memory, jnp.zeros(shape[0], jnp.int32), lanes)
    several = partial(_repeated, lambda _, carry: look_and_act(carry), looks)
    *_, steps, lanes = jax.named_scope("episode")(lax.while_loop)(running, several, start)
    task.stop(lanes)
    return lanes.returns, steps.astype(jnp.float32)


def _repeated(advance: Callable[[Any, Any], Any], times: int, carry: Any) -> Any:
    return advance(0, carry) if times == 1 else lax.fori_loop(0, times, advance, carry)
