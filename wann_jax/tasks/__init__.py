"""What networks are for: control, classification, any function; and the registry of names."""

from wann_jax.tasks.base import Evaluation, Task
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.tasks.control import ControlTask
from wann_jax.tasks.function import FunctionTask
from wann_jax.tasks.registry import TASKS, make_task

__all__ = ["TASKS", "ClassificationTask", "ControlTask", "Evaluation", "FunctionTask", "Task", "make_task"]
