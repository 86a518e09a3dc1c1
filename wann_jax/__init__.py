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
    from wann_jax.analysis.sweeping import plot_weights
    from wann_jax.analysis.trimming import trim
    from wann_jax.errors import CheckpointError, ConfigError, DataError, WannError
    from wann_jax.evolution.config import SearchConfig
    from wann_jax.evolution.generation import SearchState, ask, init, tell
    from wann_jax.evolution.loop import SearchResult, search
    from wann_jax.exporting.api import export
    from wann_jax.genomes.building import pruned, unite
    from wann_jax.genomes.genome import Genome, GenomeSpec
    from wann_jax.genomes.grading import is_graded, lifted, saturated
    from wann_jax.kernels.forward import forward, forward_lanes, forward_samples
    from wann_jax.networks.compiling import express
    from wann_jax.networks.files import load_genome, load_network, load_weights, save_network
    from wann_jax.networks.network import Network, NetworkSpec, stack_networks
    from wann_jax.pages.comparing import write_comparison
    from wann_jax.pages.report import write_report
    from wann_jax.report.drawing.api import draw
    from wann_jax.report.movies.api import movie
    from wann_jax.runs.logs import TensorBoardLog, WandbLog
    from wann_jax.tasks.base import Evaluation, Task
    from wann_jax.tasks.classification import ClassificationTask
    from wann_jax.tasks.control import ControlTask
    from wann_jax.tasks.datasets import Dataset
    from wann_jax.tasks.function import FunctionTask
    from wann_jax.tasks.registry import Preset, TaskSpec, make_task, option, register
    from wann_jax.ternary.api import TernaryResult, search_ternary
    from wann_jax.ternary.config import TernaryConfig
    from wann_jax.ternary.imitating import ImitationConfig, search_imitation
    from wann_jax.tuning.api import TuneConfig, TuneResult, tune
    from wann_jax.version import __version__

# Where the public names are. Each is imported when it is first asked for: some of what they need starts JAX, which must
# wait until a program has made its settings (devices, `jax.distributed`).
_MODULES = {
    "CheckpointError": "wann_jax.errors",
    "ClassificationTask": "wann_jax.tasks.classification",
    "ConfigError": "wann_jax.errors",
    "ControlTask": "wann_jax.tasks.control",
    "DataError": "wann_jax.errors",
    "Dataset": "wann_jax.tasks.datasets",
    "Evaluation": "wann_jax.tasks.base",
    "FunctionTask": "wann_jax.tasks.function",
    "Genome": "wann_jax.genomes.genome",
    "GenomeSpec": "wann_jax.genomes.genome",
    "ImitationConfig": "wann_jax.ternary.imitating",
    "Network": "wann_jax.networks.network",
    "NetworkSpec": "wann_jax.networks.network",
    "Preset": "wann_jax.tasks.registry",
    "SearchConfig": "wann_jax.evolution.config",
    "SearchResult": "wann_jax.evolution.loop",
    "SearchState": "wann_jax.evolution.generation",
    "Task": "wann_jax.tasks.base",
    "TaskSpec": "wann_jax.tasks.registry",
    "TernaryConfig": "wann_jax.ternary.config",
    "TernaryResult": "wann_jax.ternary.api",
    "TensorBoardLog": "wann_jax.runs.logs",
    "TuneConfig": "wann_jax.tuning.api",
    "TuneResult": "wann_jax.tuning.api",
    "WandbLog": "wann_jax.runs.logs",
    "WannError": "wann_jax.errors",
    "__version__": "wann_jax.version",
    "ask": "wann_jax.evolution.generation",
    "best_shared_weight": "wann_jax.analysis.protocol",
    "draw": "wann_jax.report.drawing.api",
    "evaluate": "wann_jax.analysis.evaluation",
    "export": "wann_jax.exporting.api",
    "express": "wann_jax.networks.compiling",
    "forward": "wann_jax.kernels.forward",
    "forward_lanes": "wann_jax.kernels.forward",
    "forward_samples": "wann_jax.kernels.forward",
    "init": "wann_jax.evolution.generation",
    "is_graded": "wann_jax.genomes.grading",
    "lifted": "wann_jax.genomes.grading",
    "load_genome": "wann_jax.networks.files",
    "load_network": "wann_jax.networks.files",
    "load_weights": "wann_jax.networks.files",
    "make_task": "wann_jax.tasks.registry",
    "movie": "wann_jax.report.movies.api",
    "option": "wann_jax.tasks.registry",
    "plot_weights": "wann_jax.analysis.sweeping",
    "protocol": "wann_jax.analysis.protocol",
    "pruned": "wann_jax.genomes.building",
    "register": "wann_jax.tasks.registry",
    "saturated": "wann_jax.genomes.grading",
    "save_network": "wann_jax.networks.files",
    "search": "wann_jax.evolution.loop",
    "search_imitation": "wann_jax.ternary.imitating",
    "search_ternary": "wann_jax.ternary.api",
    "stack_networks": "wann_jax.networks.network",
    "tell": "wann_jax.evolution.generation",
    "trim": "wann_jax.analysis.trimming",
    "tune": "wann_jax.tuning.api",
    "unite": "wann_jax.genomes.building",
    "write_comparison": "wann_jax.pages.comparing",
    "write_report": "wann_jax.pages.report",
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
    "ImitationConfig",
    "Network",
    "NetworkSpec",
    "Preset",
    "SearchConfig",
    "SearchResult",
    "SearchState",
    "Task",
    "TaskSpec",
    "TensorBoardLog",
    "TernaryConfig",
    "TernaryResult",
    "TuneConfig",
    "TuneResult",
    "WandbLog",
    "WannError",
    "__version__",
    "ask",
    "best_shared_weight",
    "draw",
    "evaluate",
    "export",
    "express",
    "forward",
    "forward_lanes",
    "forward_samples",
    "init",
    "is_graded",
    "lifted",
    "load_genome",
    "load_network",
    "load_weights",
    "make_task",
    "movie",
    "option",
    "plot_weights",
    "protocol",
    "pruned",
    "register",
    "saturated",
    "save_network",
    "search",
    "search_imitation",
    "search_ternary",
    "stack_networks",
    "tell",
    "trim",
    "tune",
    "unite",
    "write_comparison",
    "write_report",
]
