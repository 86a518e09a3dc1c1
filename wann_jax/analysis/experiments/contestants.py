"""Arms of the experiment about training time: models that are trained, pruned or searched for under growing budgets.

In: a setting. Out: for each arm and seed a curve of accuracy against work (work.py).
"""

from functools import cache
from typing import Any

import jax

from wann_jax.analysis.baselines import dense_topology
from wann_jax.analysis.experiments.base import Setting
from wann_jax.analysis.experiments.masks import prune
from wann_jax.analysis.experiments.students import (
    LEAST_EVOLVED,
    PLANS,
    PRUNING_RATE,
    Student,
    halving,
    near_shared_weight,
)
from wann_jax.analysis.experiments.training import Plan, all_left, fresh
from wann_jax.analysis.experiments.work import (
    PASSES_OF_A_STEP,
    Curve,
    Work,
    search_in,
    seconds_of_step,
    ternary_in,
    train_in,
)
from wann_jax.evolution.config import SearchConfig
from wann_jax.genomes.activation_ids import LINEAR, RELU
from wann_jax.networks.compiling import express
from wann_jax.networks.layered import Node, Topology
from wann_jax.tasks.registry import find_spec, make_task

BUDGETS = (25, 50, 100, 200, 400, 800, 1500)  # steps on digits
TERNARY_BUDGETS = (300, 1000, 3000)
GENERATIONS, LOOKS = 800, 10
GRADED_DEPTH = 4
WIDTH = 128


class Contestants:
    """The arms: each gives a curve for each seed, or for the one that it is asked for."""

    def __init__(self, setting: Setting):
        self.task: Any = make_task(setting.task)
        self.name, self.quick, self.seeds = setting.task, setting.is_quick, range(setting.seeds)
        plan, size = PLANS[setting.task], LEAST_EVOLVED[setting.task]
        self.plan, self.size = (Plan(20, 32) if self.quick else plan), size
        scale = plan.steps / BUDGETS[-1]
        self.budgets = (10, 20) if self.quick else tuple(round(scale * steps) for steps in BUDGETS)
        self.generations, self.looks = (10, 1) if self.quick else (GENERATIONS, LOOKS)
        self.searched = cache(self._searched)

    def softmax(self) -> list[Curve]:
        """One layer."""
        student = self._fresh(one_layer(self.task.num_inputs, self.task.num_outputs))
        return train_in(self.task, student, self.plan, self.seeds, self.budgets, Work())

    def dense(self) -> list[Curve]:
        """Two layers with ReLU."""
        return train_in(self.task, self._fresh(self._layers(WIDTH)), self.plan, self.seeds, self.budgets, Work())

    def pruned(self) -> list[Curve]:
        """Rounds of a short training each, before the last one."""
        whole, plan = self._fresh(self._layers(WIDTH)), Plan(self.budgets[len(self.budgets) // 2])
        rounds = halving(whole.topology.num_connections, [self.size])
        early, found = prune(self.task, whole.topology, plan, whole.starts, PRUNING_RATE, self.seeds, rounds)
        second, work = seconds_of_step(self.task, whole, plan, plan.steps), Work()
        for size in (whole.topology.num_connections, *rounds[:-1]):
            work = work.more(PASSES_OF_A_STEP * plan.steps * plan.minibatch_size, size, plan.steps * second)
        masks = found[-1][0]
        student = Student(whole.topology, masks, early * masks)
        return train_in(self.task, student, self.plan, self.seeds, self.budgets, work)

    def _searched(self, depth: int, seed: int) -> tuple[Curve, Work, Any, float]:
        options = find_spec(self.name).preset(self.name, "best").options
        given: dict[str, Any] = dict(generations=self.generations, connection_limit=self.size)
        if depth:
            given |= dict(graded_depth=depth, shared_weights=(1.0,), weight_jitter=0.0)
        config = SearchConfig.preset(self.name, "best", **given)
        return search_in(make_task(self.name, **options), config, self.looks, seed)

    def search(self, seed: int) -> Curve:
        """The paper's search."""
        return self.searched(0, seed)[0]

    def graded_search(self, seed: int) -> Curve:
        """The same among graded networks, which need one weight only."""
        return self.searched(GRADED_DEPTH, seed)[0]

    def ternary(self, seed: int) -> Curve:
        """Graded networks by gradient descent."""
        return ternary_in(self.task, self.size, (20,) if self.quick else TERNARY_BUDGETS, seed)

    def tuned(self, seed: int) -> Curve:
        """The search, then gradient descent on all weights of its champion."""
        _, work, champion, _ = self.searched(0, seed)
        student = near_shared_weight(Topology.of(jax.jit(express)(champion)), [seed])
        return train_in(self.task, student, self.plan, [seed], self.budgets, work)[0]

    def _layers(self, width: int) -> Topology:
        return dense_topology(self.task.num_inputs, width, self.task.num_outputs, RELU)

    def _fresh(self, topology: Topology) -> Student:
        masks = all_left(topology, len(self.seeds))
        return Student(topology, masks, fresh(topology, masks, self.seeds))


def one_layer(num_inputs: int, num_outputs: int) -> Topology:
    """Bias and inputs to every output: softmax regression."""
    first = 1 + num_inputs
    nodes = (Node(LINEAR, tuple(range(first)), tuple(range(o * first, (o + 1) * first))) for o in range(num_outputs))
    return Topology(num_inputs, num_outputs * first, tuple(nodes), tuple(range(first, first + num_outputs)))
