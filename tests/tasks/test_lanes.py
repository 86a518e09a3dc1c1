"""The one rollout, with an environment so simple that plain numbers tell what must come out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from tests.helpers import PlainGenome
from tests.tasks.test_tasks import networks_of, spec_of
from wann_jax.networks.layered import Topology
from wann_jax.tasks.lanes import InLanes, Lanes

EPISODES, WEIGHTS = 3, (0.5, 2.0)
stopped = []


class Counting(InLanes, struct.PyTreeNode):
    """Inputs are the episode's number and the last step seen; a step pays the output; an episode e ends after step e.

    The last episode goes on to the limit.
    """

    limit: int
    max_lanes: int = struct.field(pytree_node=False, default=6)
    steps_per_action: int = struct.field(pytree_node=False, default=1)
    num_inputs: int = struct.field(pytree_node=False, default=2)
    num_outputs: int = struct.field(pytree_node=False, default=1)
    hidden_activations: tuple = struct.field(pytree_node=False, default=(1,))

    @property
    def step_limit(self):
        return self.limit

    def begin(self, key, episodes):
        return jnp.arange(episodes, dtype=jnp.float32)

    def reset(self, begun, shape, episodes):
        return jnp.tile(begun, (shape[0], shape[1] // episodes)), jnp.zeros(shape)

    def observe(self, begun, lanes):
        return lanes.state, jnp.stack(lanes.state, axis=-1)

    def act(self, outputs):
        return outputs[..., 0]

    def step(self, begun, count, lanes, actions):
        number, _ = lanes.state
        step = jnp.float32(count)
        returns = lanes.returns + jnp.where(lanes.alive, actions, 0.0)
        ends = (number < EPISODES - 1) & (step >= number)
        return Lanes((number, jnp.full_like(number, step + 1)), returns, lanes.alive & ~ends)

    def stop(self, lanes):
        jax.debug.callback(stopped.append, lanes.alive)


def expected(weight, factors, limit, stride):
    """Returns [R] and the steps of all episodes."""
    returns, steps = [], 0
    for episode in range(EPISODES):
        total, last = 0.0, limit if episode == EPISODES - 1 else min(episode + 1, limit)
        for step in range(last):
            seen = step - step % stride
            total += weight * (factors[0] * episode + factors[1] * seen)
        returns.append(total)
        steps += last
    return returns, steps


@pytest.mark.parametrize(("limit", "stride"), [(5, 1), (5, 2), (2, 1), (7, 3)])
def test_lanes_earn_until_they_end_and_see_what_they_should(limit, stride):
    """Three individuals in blocks of one: outputs of one are its two inputs' sum, of the others one input alone."""
    task = Counting(limit, steps_per_action=stride)
    spec = spec_of(task)
    wired = ([(1, 3, True), (2, 3, True)], [(1, 3, True)], [(2, 3, True)])
    networks = networks_of(spec, [PlainGenome([1] * 4, connections) for connections in wired])
    stopped.clear()
    returns, steps = jax.jit(lambda task: task.rollout(networks, jnp.array(WEIGHTS), jax.random.key(0), EPISODES))(task)
    jax.effects_barrier()
    assert len(stopped) == 3  # each block once
    assert all(alive.shape == (1, 6) for alive in stopped)
    for index, factors in enumerate(((1, 1), (1, 0), (0, 1))):
        wanted = [expected(weight, factors, limit, stride) for weight in WEIGHTS]
        np.testing.assert_allclose(returns[index], [row for row, _ in wanted], rtol=1e-6)
        assert steps[index] == sum(count for _, count in wanted)


def test_weights_of_ones_own_run_the_same_episodes():
    task = Counting(4)
    network = jax.tree.map(
        lambda table: table[0],
        networks_of(spec_of(task), [PlainGenome([1] * 4, [(1, 3, True), (2, 3, True)])]),
    )
    weights = jnp.array([[0.5, 0.5], [2.0, -1.0], [0.0, 3.0]])
    scores = task.score_weights(Topology.of(network), weights[:, None], jax.random.key(0), EPISODES, "test")
    for row, weight in zip(scores, np.asarray(weights), strict=True):
        np.testing.assert_allclose(row, expected(1.0, weight, 4, 1)[0], rtol=1e-6)
