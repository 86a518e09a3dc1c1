"""Rollouts of other libraries on the swing-up task, with networks of ours: evosax, EvoJAX.

In: networks, shared weights, episodes. Out: seconds of a call. What is compared: the same networks under the same
weights for as many episodes of as many steps, in the peer's own loop. A network is evaluated by its plain definition
(`forward`), one for each lane, as somebody would do who has networks to evaluate and only the peer; so a whole rollout
is compared with ours, not an environment. EvoJAX has its own swing-up environment, after the same equations, which
starts a new episode where one ends: no step is saved. For it there is also a figure with its own dense policy of as
many weights: what a small network costs whose layout suits the machine.
"""

import dataclasses
import importlib
import logging
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from evosax.problems import GymnaxProblem
from jax import Array
from jax.flatten_util import ravel_pytree

import wann_jax as wann
from benchmarks.common import commit, time_it
from benchmarks.peers import source_of
from wann_jax.envs import CARTPOLE_SWINGUP
from wann_jax.networks.network import Network

NUM_HIDDEN_OF_MLP = 8  # 57 weights


def every_policy(networks: Network, weights: Array) -> tuple[Network, Array]:
    """The networks [P * W], each under every weight, and the weights [P * W]; rows that none uses are cut off."""
    rows, count = int(networks.num_rows.max()), networks.num_rows.shape[0]
    names = ("row_source", "row_connection", "row_activation")
    cut = {name: getattr(networks, name)[:, :rows] for name in names}
    cut["spec"] = dataclasses.replace(networks.spec, max_rows=rows)
    repeated = jax.tree.map(lambda table: jnp.repeat(table, len(weights), axis=0), networks.replace(**cut))
    return repeated, jnp.tile(weights, count)


class Evosax:
    """evosax's problem of gymnax environments: vmap over policies, in it over episodes, in it a scan over steps."""

    commit = f"release {version('evosax')}"

    def time(self, networks: Network, weights: Array, episodes: int, **params: Any) -> dict[str, Any]:
        """Of all networks under every weight, in our own environment."""
        policies = every_policy(networks, weights)
        policy = _Policy(jax.tree.map(lambda table: table[0], policies))
        problem = GymnaxProblem(
            CARTPOLE_SWINGUP, policy, num_rollouts=episodes, use_normalize_obs=False, env_params=params
        )
        key = jax.random.key(0)
        state = problem.init(key)
        return time_it(lambda: problem.eval(key, policies, state), 3)


class _Policy:
    """A network and its weight, in the form of a module of flax."""

    def __init__(self, example: Any):
        self.example = example

    def init(self, *arguments: Any) -> Any:
        return self.example

    def apply(self, policy: Any, obs: Array, key: Any) -> Array:
        network, weight = policy
        return wann.forward(network, weight, obs)


class EvoJax:
    """google/evojax: its simulation manager, with its own swing-up environment."""

    def __init__(self, checkout: Path):
        sys.path.insert(0, source_of(checkout, "evojax"))
        self.manager = importlib.import_module("evojax.sim_mgr")
        self.policies = importlib.import_module("evojax.policy")
        self.task = importlib.import_module("evojax.task.cartpole")
        self.commit = commit(checkout)

    def time(self, networks: Network, weights: Array, episodes: int, max_steps: int) -> dict[str, Any]:
        """Of all networks under every weight; its parameters are one row of numbers for each policy."""
        policies = every_policy(networks, weights)
        example = jax.tree.map(lambda table: table[0], policies)
        unravel = ravel_pytree(example)[1]
        rows = jax.vmap(lambda policy: ravel_pytree(policy)[0])(policies)

        base: Any = self.policies.PolicyNetwork

        class Policy(base):
            num_params = rows.shape[1]

            def get_actions(self, t_states, params, p_states):
                def act(row, obs):
                    network, weight = unravel(row)
                    return wann.forward(network, weight, obs)

                return jax.vmap(act)(params, t_states.obs), p_states

        return self._time(Policy(), rows, episodes, max_steps)

    def time_mlp(self, num_policies: int, episodes: int, max_steps: int) -> dict[str, Any]:
        """The same for as many policies of its own: one hidden layer."""
        policy = self.policies.MLPPolicy(5, [NUM_HIDDEN_OF_MLP], 1, logger=_silent())
        rows = jax.random.normal(jax.random.key(0), (num_policies, policy.num_params))
        return self._time(policy, rows, episodes, max_steps)

    def _time(self, policy: Any, rows: Array, episodes: int, max_steps: int) -> dict[str, Any]:
        task = self.task.CartPoleSwingUp(max_steps=max_steps)
        manager = self.manager.SimManager(episodes, 1, len(rows), 1, policy, task, task, logger=_silent())
        return time_it(lambda: manager.eval_params(rows, test=False), 3)


def _silent() -> logging.Logger:
    """It tells of every policy that it makes."""
    logger = logging.getLogger("evojax.silent")
    logger.setLevel(logging.WARNING)
    return logger
