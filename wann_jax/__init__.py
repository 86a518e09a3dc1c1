"""Weight Agnostic Neural Networks (Gaier & Ha 2019), accelerated with JAX.

import wann_jax as wann
task = wann.make_task("swingup")
result = wann.search(task, wann.SearchConfig.preset("swingup", "laptop"), seed=0)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wann_jax.analysis.evaluation import evaluate
    from wann_jax.analysis.protocol import best_shared_weight, protocol
    from wann_jax.errors import CheckpointError, ConfigError, DataError, WannError
    from wann_jax.evolution.config import SearchConfig
    from wann_jax.evolution.generation import SearchState, ask, init, tell
    from wann_jax.evolution.loop import SearchResult, search
    from wann_jax.genomes.building import pruned, unite
    from wann_jax.genomes.genome import Genome, GenomeSpec
    from wann_jax.kernels.forward import forward, forward_lanes, forward_samples
    from wann_jax.networks.compiling import express
    from wann_jax.networks.files import load_genome, load_network, load_weights, save_network
    from wann_jax.networks.network import Network, NetworkSpec, stack_networks
    from wann_jax.tasks import ClassificationTask, ControlTask, Evaluation, FunctionTask, Task, make_task
    from wann_jax.tasks.datasets import Dataset
    from wann_jax.tuning.api import TuneConfig, TuneResult, tune
    from wann_jax.version import __version__

# Where the public names are. Each is imported when it is first asked for: some of what they need starts JAX, which must
# wait until a program has made its settings (devices, `jax.distributed`).
_MODULES = {
    "CheckpointError": "wann_jax.errors",
    "ClassificationTask": "wann_jax.tasks",
    "ConfigError": "wann_jax.errors",
    "ControlTask": "wann_jax.tasks",
    "DataError": "wann_jax.errors",
    "Dataset": "wann_jax.tasks.datasets",
    "Evaluation": "wann_jax.tasks",
    "FunctionTask": "wann_jax.tasks",
    "Genome": "wann_jax.genomes.genome",
    "GenomeSpec": "wann_jax.genomes.genome",
    "Network": "wann_jax.networks.network",
    "NetworkSpec": "wann_jax.networks.network",
    "SearchConfig": "wann_jax.evolution.config",
    "SearchResult": "wann_jax.evolution.loop",
    "SearchState": "wann_jax.evolution.generation",
    "Task": "wann_jax.tasks",
    "TuneConfig": "wann_jax.tuning.api",
    "TuneResult": "wann_jax.tuning.api",
    "WannError": "wann_jax.errors",
    "__version__": "wann_jax.version",
    "ask": "wann_jax.evolution.generation",
    "best_shared_weight": "wann_jax.analysis.protocol",
    "evaluate": "wann_jax.analysis.evaluation",
    "express": "wann_jax.networks.compiling",
    "forward": "wann_jax.kernels.forward",
    "forward_lanes": "wann_jax.kernels.forward",
    "forward_samples": "wann_jax.kernels.forward",
    "init": "wann_jax.evolution.generation",
    "load_genome": "wann_jax.networks.files",
    "load_network": "wann_jax.networks.files",
    "load_weights": "wann_jax.networks.files",
    "make_task": "wann_jax.tasks",
    "protocol": "wann_jax.analysis.protocol",
    "pruned": "wann_jax.genomes.building",
    "save_network": "wann_jax.networks.files",
    "search": "wann_jax.evolution.loop",
    "stack_networks": "wann_jax.networks.network",
    "tell": "wann_jax.evolution.generation",
    "tune": "wann_jax.tuning.api",
    "unite": "wann_jax.genomes.building",
}


def __getattr__(name: str) -> Any:
    """A public name, imported now."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    """The public names too."""
    return sorted({*globals(), *_MODULES})


__all__ = [
    "CheckpointError",
    "ClassificationTask",
    "ConfigError",
    "ControlTask",
    "DataError",
    "Dataset",
    "Evaluation",
    "FunctionTask",
    "Genome",
    "GenomeSpec",
    "Network",
    "NetworkSpec",
    "SearchConfig",
    "SearchResult",
    "SearchState",
    "Task",
    "TuneConfig",
    "TuneResult",
    "WannError",
    "__version__",
    "ask",
    "best_shared_weight",
    "evaluate",
    "express",
    "forward",
    "forward_lanes",
    "forward_samples",
    "init",
    "load_genome",
    "load_network",
    "load_weights",
    "make_task",
    "protocol",
    "pruned",
    "save_network",
    "search",
    "stack_networks",
    "tell",
    "tune",
    "unite",
]
