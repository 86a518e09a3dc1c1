"""Weight Agnostic Neural Networks (Gaier & Ha 2019), accelerated with JAX.

import wann_jax as wann
task = wann.make_task("swingup")
result = wann.search(task, wann.SearchConfig.preset("swingup", "laptop"), seed=0)
"""

# ruff: noqa: E402  (the number of CPU devices must be settled before anything starts JAX)
from wann_jax.devices import make_cores_devices

make_cores_devices()

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
