"""Exactly weight agnostic networks: those whose class does not depend on the shared weight at all, and why.

With one weight w on every connection, a node of a *graded* network computes |w|^d f(x), or sign(w) |w|^d f(x): every
path into it has the same number d of connections, its depth, and its activation is one that a factor passes through:
linear, inverse, abs; relu where the factor is positive; step, too, which makes it 1. Then all outputs are |w|^d f(x),
with one d, and the largest stays the largest whatever w is, but for 0.

In: one genome. Out: what each node's factor is, or the first reason why there is none; or a genome that works at
weights of both signs. Host only.
"""

from typing import NamedTuple

import jax
import numpy as np

from wann_jax.errors import require
from wann_jax.genomes.activation_ids import ABS, ACTIVATION_NAMES, INVERSE, LINEAR, RELU, STEP
from wann_jax.genomes.building import build_genome
from wann_jax.genomes.genome import Genome
from wann_jax.strictness import in_32_bits

GRADED_ACTIVATIONS = (LINEAR, INVERSE, ABS, RELU, STEP)


class Factor(NamedTuple):
    """What a shared weight w multiplies a value by: |w|^depth, and by w's sign too if `is_signed`."""

    depth: int
    is_signed: bool

    def __str__(self) -> str:
        return f"{'sign(w) ' if self.is_signed else ''}|w|^{self.depth}"


class Grading(NamedTuple):
    """Whether a network is exactly weight agnostic, and what says so."""

    fault: str  # why it is not; empty if it is
    factors: dict[int, Factor]  # by node, as far as they are known; a node that is always 0 has none
    output: Factor | None  # of all outputs; None without a grading, or if all of them are always 0


@in_32_bits
def grading_of(genome: Genome) -> Grading:
    """The factors of a network's nodes, or the first node that has none.

    Args:
        genome: one genome; dead nodes and disabled connections make no difference.

    Returns:
        Its grading.

    Source: our own finding (see the module's text).
    """
    host, spec = jax.tree.map(np.asarray, genome), genome.spec
    sources: dict[int, list[int]] = {}
    enabled = np.asarray(genome.enabled_mask)
    for source, target in zip(host.conn_source[enabled].tolist(), host.conn_target[enabled].tolist(), strict=True):
        sources.setdefault(target, []).append(source)
    factors: dict[int, Factor] = {node: Factor(0, False) for node in range(spec.first_output)}
    outputs = range(spec.first_output, spec.num_fixed)
    for node in _in_order(sources, outputs, spec.first_output):
        activation = int(host.node_activation[node])
        terms = {source: factors[source] for source in sorted(sources.get(node, [])) if source in factors}
        fault = _fault(node, activation, terms)
        if fault:
            return Grading(fault, factors, None)
        if terms:
            factors[node] = _passed(activation, next(iter(terms.values())))
    found = {output: factors[output] for output in outputs if output in factors}
    for output, factor in found.items():
        first, wanted = next(iter(found.items()))
        if factor.is_signed:
            return Grading(f"output {output} changes its sign with the weight ({factor})", factors, None)
        if factor != wanted:
            fault = f"outputs {first} and {output} grow unlike each other ({wanted} and {factor})"
            return Grading(fault, factors, None)
    return Grading("", factors, next(iter(found.values()), None))


def _passed(activation: int, before: Factor) -> Factor:
    """The factor of a node whose sources have the factor `before`."""
    if activation == STEP:
        return Factor(0, False)
    return Factor(before.depth + 1, not before.is_signed and activation != ABS)


@in_32_bits
def is_graded(genome: Genome) -> bool:
    """Whether a network is exactly weight agnostic: its class is the same at every shared weight but 0.

    Args:
        genome: one genome.

    Returns:
        True if its outputs are |w|^d f(x) at the shared weight w, with one d; `grading_of` tells why not.
    """
    return not grading_of(genome).fault


def _in_order(sources: dict[int, list[int]], outputs: range, first: int) -> list[int]:
    """Computed nodes that the outputs depend on, each after its sources."""
    order: list[int] = []
    seen: set[int] = set()
    stack = [(output, False) for output in reversed(outputs)]
    while stack:
        node, is_ready = stack.pop()
        if is_ready:
            order.append(node)
        elif node not in seen and node >= first:
            seen.add(node)
            stack.append((node, True))
            stack += [(source, False) for source in sources.get(node, [])]
    return order


def _fault(node: int, activation: int, terms: dict[int, Factor]) -> str:
    """Why a node has no factor; empty if it has one, or is always 0."""
    name = ACTIVATION_NAMES[activation]
    if activation not in GRADED_ACTIVATIONS:
        return f"node {node} is {name}; a factor passes through linear, inverse, abs, relu and step only"
    first, *others = terms.items() or [(0, None)]
    for other, factor in others:
        if factor != first[1]:
            return f"node {node} adds up node {first[0]} ({first[1]}) and node {other} ({factor})"
    # What comes in has one more factor w.
    if activation in (RELU, STEP) and first[1] is not None and not first[1].is_signed:
        return f"node {node} is {name} of what changes its sign with the weight (node {first[0]}, {first[1]}, times w)"
    return ""


@in_32_bits
def lifted(genome: Genome, works_at_negative: bool = False) -> Genome:
    """The network with a relay behind every source, so that connections weigh w^2, or -w^2: it works at both signs.

    Args:
        genome: a network that works at shared weights of one sign; its disabled connections are left out.
        works_at_negative: whether that sign is the negative one.

    Returns:
        A network that computes at w and at -w what the old one computes at w^2, or at -w^2.

    Raises:
        ConfigError: if it has no connection.
    """
    host = jax.tree.map(np.asarray, genome)
    enabled = np.asarray(genome.enabled_mask)
    pairs = [*zip(host.conn_source[enabled].tolist(), host.conn_target[enabled].tolist(), strict=True)]
    require(len(pairs) > 0, "network", "one with connections", "none")
    num_nodes = int(host.num_nodes)
    used = sorted({source for source, _ in pairs})
    relay = {source: num_nodes + index for index, source in enumerate(used)}
    joined = [(source, relay[source]) for source in used] + [(relay[source], target) for source, target in pairs]
    return _with_relays(genome, INVERSE if works_at_negative else LINEAR, len(used), joined)


@in_32_bits
def saturated(genome: Genome, copies: int) -> Genome:
    """The network with all outputs multiplied by `copies` w^2: where actions are clipped, they soon do not depend on w.

    What went into an output goes into a new linear node, from which so many relays lead to the output.

    Args:
        genome: one genome; its disabled connections are left out.
        copies: relays for each output, at least 1.

    Returns:
        A network with 2 `copies` more connections for each output that has any; graded if the old one is.

    Raises:
        ConfigError: if there are no copies, or no connection into an output.
    """
    require(copies >= 1, "copies", "at least 1", copies)
    host, spec = jax.tree.map(np.asarray, genome), genome.spec
    enabled = np.asarray(genome.enabled_mask)
    pairs = [*zip(host.conn_source[enabled].tolist(), host.conn_target[enabled].tolist(), strict=True)]
    outputs = sorted({target for _, target in pairs if target < spec.num_fixed})
    require(len(outputs) > 0, "network", "one with connections into outputs", "none")
    num_nodes = int(host.num_nodes)
    summed = {output: num_nodes + index * (1 + copies) for index, output in enumerate(outputs)}
    joined = [(source, summed.get(target, target)) for source, target in pairs]
    for output, node in summed.items():
        relays = range(node + 1, node + 1 + copies)
        joined += [(node, relay) for relay in relays] + [(relay, output) for relay in relays]
    return _with_relays(genome, LINEAR, len(outputs) * (1 + copies), joined)


def _with_relays(genome: Genome, kind: int, count: int, pairs: list[tuple[int, int]]) -> Genome:
    """The genome's nodes and so many more of one kind, with these connections instead of its own."""
    host, spec = jax.tree.map(np.asarray, genome), genome.spec
    num_nodes = int(host.num_nodes)
    activations = host.node_activation[spec.first_output : num_nodes].tolist() + [kind] * count
    marks = host.node_mark[spec.num_fixed : num_nodes].tolist()
    first = max([spec.num_fixed - 1, *marks]) + 1
    marks += range(first, first + count)
    return build_genome("network", (spec.num_inputs, spec.num_outputs), activations, marks, pairs, [])
