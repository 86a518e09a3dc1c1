"""What is exported: a topology, its weights if it has any of its own, and names for people.

In: a compiled network, or where one is. Out: a `Model`, which every format writes.
"""

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Float

from wann_jax.errors import require
from wann_jax.files import StrPath
from wann_jax.networks.files import knows_sizes, load_info, load_network, load_weights
from wann_jax.networks.layered import Node, Topology
from wann_jax.networks.network import Network
from wann_jax.tasks.labels import Labels
from wann_jax.tasks.registry import known_task, labels_of, make_task

_UNSAFE = "\\\"'`*?{}%"  # what could end a comment of Python, C or LaTeX, or go on with it


@dataclasses.dataclass(frozen=True)
class Model:
    """A network as the formats see it: live nodes and connections only."""

    topology: Topology
    weights: Float[np.ndarray, "C"] | None  # None: all connections share a weight, which stays an argument
    labels: Labels
    name: str

    @property
    def num_connections(self) -> int:
        """Live ones; C counts the dead ones too."""
        return sum(len(node.sources) for node in self.topology.nodes)

    @property
    def first(self) -> int:
        """Number of the first computed node."""
        return 1 + self.topology.num_inputs

    @property
    def activations(self) -> set[int]:
        """Ids in use."""
        return {node.activation for node in self.topology.nodes}

    def weights_of(self, node: Node) -> list[float]:
        """Of the connections into a node, as the shortest decimals that stand for their 32 bits; shared: ones."""
        if self.weights is None:
            return [1.0] * len(node.sources)
        return [float(str(np.float32(self.weights[index]))) for index in node.connections]

    @property
    def facts(self) -> list[str]:
        """Lines for people at the top of a file, fit for a comment."""
        sizes = f"{self.topology.num_hidden} hidden nodes, {self.num_connections} connections"
        weights = "which share one weight" if self.weights is None else "with weights of their own"
        lines = [f"{self.name}: a network of wann_jax, {sizes} {weights}."]
        if self.labels.image:
            lines.append("inputs: a picture of {} rows and {} columns, row by row".format(*self.labels.image))
        numbered = Labels().fitting(self.topology.num_inputs, len(self.topology.outputs))
        for kind in ("inputs", "outputs"):
            names = getattr(self.labels, kind)
            lines += [f"{kind}: {', '.join(names)}"] if names != getattr(numbered, kind) else []
        return [as_comment(line) for line in lines]


def model_of(
    network: Network | StrPath, task: str | None = None, weights: np.ndarray | None = None, shared: bool = False
) -> Model:
    """The model of a compiled network, or of one in a file, a run directory or the zoo, with the weights that are in
    there unless `shared`. Raises ConfigError or DataError."""
    require(weights is None or not shared, "shared", "False where weights are given", shared)
    name = "network"
    if not isinstance(network, Network):
        sizes = _sizes(network, task)
        path, network = network, load_network(network, *sizes)
        name, task = _called(Path(path)), task or known_task(load_info(path).get("task"))
        weights = load_weights(path, *sizes) if weights is None and not shared else weights
    require(network.num_rows.ndim == 0, "network", "one network, without leading axes", network.num_rows.shape)
    topology = Topology.of(network)
    if weights is not None:
        weights, count = np.asarray(weights, np.float32), topology.num_connections
        require(weights.shape == (count,), "weights", f"{count} numbers, one per connection", weights.shape)
        wrong = weights[~np.isfinite(weights)].tolist()
        require(not wrong, "weights", "finite numbers", wrong[:8])
    return Model(topology, weights, labels_of(task, topology.num_inputs, len(topology.outputs)), as_comment(name))


def as_comment(text: str) -> str:
    """A stranger's words as one line that cannot leave a comment."""
    return "".join("_" if letter in _UNSAFE or not letter.isprintable() else letter for letter in text)


def _called(path: Path) -> str:
    return path.resolve().name if path.is_dir() else path.stem


def _sizes(path: StrPath, task: str | None) -> tuple[int | None, int | None]:
    """What `load_network` must be told: numbers of inputs and outputs for a matrix, which are those of its task."""
    if knows_sizes(path):
        return None, None
    require(task is not None, "task", f"given: the matrix file {str(path)!r} does not tell its sizes", task)
    made = make_task(str(task))
    return made.num_inputs, made.num_outputs
