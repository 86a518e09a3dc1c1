"""What a drawing shows, before it has a size: which colour, width and strength each node and connection has.

In: a topology, weights, and what is highlighted. Out: a `Sketch`.
"""

import dataclasses

import numpy as np

from wann_jax.networks.layered import Topology
from wann_jax.report.drawing.ancestry import ancestors, fed_most
from wann_jax.report.drawing.icons import COLOURS, FAINT, GREY, INK, NEGATIVE, OUTPUT_COLOURS, POSITIVE

_LARGE = 450  # connections; with more, lines are thin and tell outputs apart
_WIDTHS = 0.5, 3.4  # points, of the least and the greatest weight, where there are few
_PLAIN_WIDTH = 1.2
_STRONG = 0.78  # opacity of lines, where there are few


@dataclasses.dataclass(frozen=True)
class Sketch:
    """Looks, by number of the node and by place of the connection in `ends`."""

    ends: np.ndarray  # [connections, 2]: source, target
    line_colours: list[str]
    line_widths: np.ndarray  # points
    line_strengths: np.ndarray  # opacity
    node_colours: list[str]
    is_strong: np.ndarray  # [nodes]: False for what does not feed the highlighted output
    is_large: bool
    is_by_output: bool  # colours tell which output is fed
    weights: np.ndarray  # [connections], or none
    scale: float | None  # the weight drawn widest, where widths tell weights


def is_large(topology: Topology) -> bool:
    """Whether a network has too many connections to follow them one by one."""
    return num_connections(topology) > _LARGE


def num_connections(topology: Topology) -> int:
    """How many connections are drawn: those of computed nodes, live ones all."""
    return sum(len(node.sources) for node in topology.nodes)


def sketch(topology: Topology, weights: np.ndarray | None, highlight: int | None, is_image: bool) -> Sketch:
    """Looks of all nodes and connections.

    Args:
        topology: the network's.
        weights: [C], in the order of the topology's connections, or None.
        highlight: the index of an output; what does not feed it becomes faint.
        is_image: whether inputs are pixels.
    """
    first = 1 + topology.num_inputs
    numbered = list(enumerate(topology.nodes, first))
    ends = np.array([(source, number) for number, node in numbered for source in node.sources], np.int64).reshape(-1, 2)
    places = [place for node in topology.nodes for place in node.connections]
    values = np.zeros(0) if weights is None else weights[places]
    large = is_large(topology)
    by_output = large and len(topology.outputs) > 1 and highlight is None
    is_strong = np.full(first + len(topology.nodes), highlight is None)
    if highlight is not None:
        is_strong[list(ancestors(topology, highlight))] = True
    colours = [GREY] + [INK] * topology.num_inputs + _node_colours(topology, by_output)
    widths, scale = _widths(values, len(ends), large)
    strengths = np.full(len(ends), min(_STRONG, 14 / len(ends) ** 0.5) if large else _STRONG)
    if is_image:  # its lines lie side by side
        strengths = np.where(ends[:, 0] < first, 0.55, 1.0) * strengths
    lines = [colours[end] for end in ends[:, 1 if by_output else 0]]
    if scale is not None and not by_output:
        lines = [POSITIVE if value > 0 else NEGATIVE if value < 0 else GREY for value in values.tolist()]
    shown = is_strong[ends[:, 0]] & is_strong[ends[:, 1]]
    lines = [line if strong else FAINT for line, strong in zip(lines, shown.tolist(), strict=True)]
    widths, strengths = np.where(shown, widths, 0.5).round(2), np.where(shown, strengths, 0.5).round(2)
    return Sketch(ends, lines, widths, strengths, colours, is_strong, large, by_output, values, scale)


def _node_colours(topology: Topology, by_output: bool) -> list[str]:
    """Of computed nodes: of the output that each feeds most, or of its activation."""
    if not by_output:
        return [COLOURS[node.activation] for node in topology.nodes]
    fed = fed_most(topology)[1 + topology.num_inputs :].tolist()
    return [OUTPUT_COLOURS[output % len(OUTPUT_COLOURS)] if output >= 0 else GREY for output in fed]


def _widths(values: np.ndarray, count: int, large: bool) -> tuple[np.ndarray, float | None]:
    """Widths in points, and the weight that is drawn widest: few weights are far from the others.

    Weights that are all the same have nothing to tell by widths.
    """
    if not len(values) or np.ptp(values) == 0:
        return np.full(count, 0.6 if large else _PLAIN_WIDTH), None
    scale = float(np.quantile(np.abs(values), 0.95)) or 1.0
    least, most = (0.3, 1.4) if large else (_WIDTHS[0], float(np.clip(26 / count**0.5, 1.6, _WIDTHS[1])))
    return least + (most - least) * np.minimum(np.abs(values) / scale, 1.0), scale
