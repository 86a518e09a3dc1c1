"""Weight Agnostic Neural Networks (Gaier & Ha 2019), accelerated with JAX.

import wann_jax as wann
task = wann.make_task("swingup")
result = wann.search(task, wann.SearchConfig.preset("swingup", "laptop"), seed=0)
"""

# ruff: noqa: E402  (the number of CPU devices must be settled before anything starts JAX)
from wann_jax.devices import make_cores_devices

make_cores_devices()

from wann_jax.config import SearchConfig
from wann_jax.datasets import Dataset
from wann_jax.errors import CheckpointError, ConfigError, DataError, WannError
from wann_jax.evaluation import evaluate
from wann_jax.express import express
from wann_jax.forward import forward, forward_lanes, forward_samples
from wann_jax.gene_lists import pruned, unite
from wann_jax.genome import Genome, GenomeSpec
from wann_jax.loop import SearchResult, search
from wann_jax.network import Network, NetworkSpec, stack_networks
from wann_jax.network_file import load_genome, load_network, load_weights, save_network
from wann_jax.protocol import best_shared_weight, protocol
from wann_jax.search import SearchState, ask, init, tell
from wann_jax.tasks import ClassificationTask, ControlTask, Evaluation, FunctionTask, Task, make_task
from wann_jax.tuning import TuneConfig, TuneResult, tune
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
