"""Networks as graphs for other programs: Graphviz and whatever reads GraphML.

In: a topology, names, weights. Out: text.
"""

import io

import networkx as nx
import numpy as np

from wann_jax.genomes.activation_ids import ACTIVATION_NAMES
from wann_jax.networks.layered import Topology
from wann_jax.report.drawing.icons import COLOURS, NEGATIVE, POSITIVE, tinted
from wann_jax.tasks.labels import Labels


def graph_of(topology: Topology, labels: Labels, weights: np.ndarray | None) -> nx.DiGraph:
    """Nodes by number: `kind` (bias, input, hidden, output), `label`, `activation`; connections, with their `weight`.

    Args:
        topology: the network's.
        labels: names that fit it.
        weights: [C], in the order of the topology's connections, or None.
    """
    graph = nx.DiGraph()
    first = 1 + topology.num_inputs
    read = {source for node in topology.nodes for source in node.sources}
    for number in sorted(each for each in read if each < first):
        kind = "input" if number else "bias"
        graph.add_node(number, kind=kind, label=labels.inputs[number - 1] if number else "bias")
    for number, node in enumerate(topology.nodes, first):
        name = ACTIVATION_NAMES[node.activation]
        is_output = number in topology.outputs
        label = labels.outputs[topology.outputs.index(number)] if is_output else name
        graph.add_node(number, kind="output" if is_output else "hidden", label=label, activation=name)
        for source, connection in zip(node.sources, node.connections, strict=True):
            facts = {} if weights is None else {"weight": float(weights[connection])}
            graph.add_edge(source, number, **facts)
    return graph


def as_graphml(topology: Topology, labels: Labels, weights: np.ndarray | None, title: str) -> str:
    """The graph as GraphML."""
    buffer = io.BytesIO()
    graph = graph_of(topology, labels, weights)
    graph.graph["name"] = title
    nx.write_graphml(graph, buffer)
    return buffer.getvalue().decode()


def as_dot(topology: Topology, labels: Labels, weights: np.ndarray | None, title: str) -> str:
    """The graph for Graphviz, from left to right, inputs and outputs each in a rank of their own."""
    graph = graph_of(topology, labels, weights)
    lines = [f"digraph {_quoted(title)} {{", '  rankdir="LR";', '  node [shape="circle", style="filled"];']
    ranks: dict[str, list[str]] = {"source": [], "sink": []}
    for number, facts in graph.nodes.items():
        colour = COLOURS[topology.nodes[number - 1 - topology.num_inputs].activation] if "activation" in facts else None
        looks = {"fillcolor": tinted(colour, 0.25), "color": colour} if colour else {"shape": "plaintext", "style": ""}
        lines.append(f"  {number} [{_attributes(facts | looks)}];")
        rank = {"output": "sink", "hidden": ""}.get(facts["kind"], "source")
        ranks.get(rank, []).append(str(number))
    lines += [f"  {{ rank={rank}; {'; '.join(numbers)}; }}" for rank, numbers in ranks.items() if numbers]
    for source, target, facts in graph.edges(data=True):
        looks = {"color": POSITIVE if facts["weight"] > 0 else NEGATIVE} if facts else {}
        lines.append(f"  {source} -> {target}" + (f" [{_attributes(facts | looks)}];" if facts else ";"))
    return "\n".join([*lines, "}", ""])


def _attributes(facts: dict[str, object]) -> str:
    # Graphviz's own `weight` is a whole number that pulls ends together.
    named = {"tuned_weight" if name == "weight" else name: value for name, value in facts.items()}
    return ", ".join(
        f"{name}={_quoted(f'{value:.9g}' if isinstance(value, float) else value)}" for name, value in named.items()
    )


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
