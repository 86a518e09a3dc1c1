"""Peers, run beside us on the same networks, from checkouts that a user names: how they are loaded, and the original.

TensorNEAT's adapter is in peer_tensorneat.py, those of other rollouts in peer_rollouts.py. An adapter is None, with one
line on standard error, if its checkout is missing or does not load.
"""

import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import jax
import numpy as np

from benchmarks.common import commit
from wann_jax.genomes.genome import Genome

ORIGINAL_SOURCE = Path("WANNRelease") / "prettyNeatWann"


def matrix_of(genome: Genome) -> tuple[np.ndarray, np.ndarray]:
    """A genome in the original's layout: weights of 1 [N, N] and activation ids [N]; outputs last."""
    host = jax.tree.map(np.asarray, genome)
    num_nodes, num_connections = int(host.num_nodes), int(host.num_connections)
    spec = genome.spec
    hidden = spec.num_fixed + np.argsort(host.node_layer[spec.num_fixed : num_nodes], kind="stable")
    order = np.concatenate([np.arange(spec.first_output), hidden, np.arange(spec.first_output, spec.num_fixed)])
    place = np.argsort(order)
    source, target = (table[:num_connections] for table in (host.conn_source, host.conn_target))
    enabled = host.conn_enabled[:num_connections]
    weights = np.zeros((num_nodes, num_nodes))
    weights[place[source[enabled]], place[target[enabled]]] = 1.0
    return weights, host.node_activation[order].astype(float)


class Original:
    """google/brain-tokyo-workshop's NumPy code, in this process, one network at a time, as it runs in its workers.

    Images: the same networks, weights and samples as ours, without the loss. Swing-up: its own environment, one network
    at weight 1 after another step of its own.
    """

    def __init__(self, checkout: Path):
        self.commit = commit(checkout)
        folder = next(
            path for path in (checkout / ORIGINAL_SOURCE, checkout) if (path / "neat_src" / "ann.py").exists()
        )
        self.ann = _load(folder / "neat_src" / "ann.py", "original_ann")
        with _StandInGym():
            self.env = _load(folder / "domain" / "cartpole_swingup.py", "original_cartpole").CartPoleSwingUpEnv()

    def seconds_per_individual(self, genome: Genome, weights: list[float], inputs: np.ndarray) -> float:
        """To evaluate one network under every shared weight on all samples."""
        matrix, activations = matrix_of(genome)
        began = time.perf_counter()
        for weight in weights:
            self.ann.act(matrix * weight, activations, genome.spec.num_inputs, genome.spec.num_outputs, inputs)
        return time.perf_counter() - began

    def seconds_per_step(self, genome: Genome, num_steps: int) -> float:
        """Of the swing-up environment with the network as its controller."""
        matrix, activations = matrix_of(genome)
        self.env.seed(0)
        state = self.env.reset()
        began = time.perf_counter()
        for _ in range(num_steps):
            output = self.ann.act(matrix, activations, genome.spec.num_inputs, genome.spec.num_outputs, state)
            state, _, done, _ = self.env.step(self.ann.selectAct(output, "all"))
            if done:
                state = self.env.reset()
        return (time.perf_counter() - began) / num_steps


def load_peer(make: Callable[[Path], Any], checkout: str | None) -> Any:
    """The adapter, or None."""
    name = make.__name__.lower()
    if checkout is None:
        print(f"{name}: skipped, no checkout given (--{name} DIR)", file=sys.stderr)
        return None
    try:
        return make(Path(checkout))
    except (StopIteration, ImportError, OSError) as error:
        print(f"{name}: skipped, {checkout} does not load: {error!r}", file=sys.stderr)
        return None


def source_of(checkout: Path, package: str) -> str:
    """The folder of a checkout that a package is imported from. Raises StopIteration if it has none."""
    return str(next(path for path in (checkout / "src", checkout) if (path / package).is_dir()))


def _load(path: Path, name: str) -> ModuleType:
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


class _StandInGym:
    """The little of the old gym package that the original's environment imports."""

    def __enter__(self) -> None:
        gym, spaces, utils = ModuleType("gym"), ModuleType("gym.spaces"), ModuleType("gym.utils")
        seeding = ModuleType("gym.utils.seeding")
        vars(spaces)["Box"] = lambda *bounds, **rest: SimpleNamespace(bounds=bounds, **rest)
        vars(seeding)["np_random"] = lambda seed=None: (np.random.RandomState(seed), seed)
        vars(utils)["seeding"] = seeding
        vars(gym).update(Env=object, spaces=spaces, utils=utils)
        self.names = {"gym": gym, "gym.spaces": spaces, "gym.utils": utils, "gym.utils.seeding": seeding}
        sys.modules.update(self.names)

    def __exit__(self, *problem: object) -> None:
        for name in self.names:
            del sys.modules[name]
