"""What a page tells of a network beyond its file, measured now: a run's last front, what a classifier takes for what.

In: tasks, networks, states. Out: plain data for JSON and the template. Classifiers see the validation split only.
"""

import base64
import io
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from wann_jax.analysis.sweeping import SEED, SPLIT
from wann_jax.devices import over_population
from wann_jax.evolution.generation import SearchState, ask
from wann_jax.evolution.ranking import fronts
from wann_jax.kernels.forward import forward_samples
from wann_jax.kernels.losses import classes_of
from wann_jax.networks.layered import Topology, in_layers
from wann_jax.networks.network import Network, stack_networks
from wann_jax.strictness import in_32_bits
from wann_jax.tasks.base import Task
from wann_jax.tasks.classification import ClassificationTask

FRONT_EPISODES = 3
MOST_MISTAKES, MOST_EXAMPLES = 24, 20


@in_32_bits
def last_front(task: Task, state: SearchState, shared_weights: tuple[float, ...]) -> dict[str, list[Any]]:
    """The population that a run would go on with: mean return, connections, and who is on the first front."""

    def run(networks, task, weights, key):
        return task.evaluate(networks, weights, key, FRONT_EPISODES).returns

    arguments = (ask(state), task, jnp.asarray(shared_weights, jnp.float32), jax.random.key(SEED))
    returns = jax.jit(over_population(run))(*arguments).mean(-1)
    connections = state.genomes.num_enabled
    first = fronts(jnp.stack([returns, -connections.astype(jnp.float32)], axis=-1)) == 0
    return {"returns": returns.tolist(), "connections": connections.tolist(), "is_first": first.tolist()}


@in_32_bits
def classification(
    task: ClassificationTask, network: Network, weights: np.ndarray | None, shared_weights: tuple[float, ...]
) -> dict[str, Any]:
    """Accuracy by class and weight; for the tuned weights, or the best of the shared ones, confusions and mistakes."""
    inputs, labels = task.inputs[SPLIT], np.asarray(task.labels[SPLIT])
    outputs = _forward(stack_networks([network]), jnp.asarray(shared_weights, jnp.float32), inputs)[0]
    answers, names = list(np.asarray(classes_of(outputs))), [f"{weight:.3g}" for weight in shared_weights]
    if weights is not None:
        tuned = _in_layers(Topology.of(network), jnp.asarray(weights, jnp.float32), inputs)
        answers, names = [*answers, np.asarray(classes_of(tuned))], [*names, "tuned"]
    right = [answer == labels for answer in answers]
    best = len(answers) - 1 if weights is not None else int(np.argmax([each.mean() for each in right]))
    confusion = np.zeros((task.num_outputs, task.num_outputs), int)
    known = answers[best] >= 0  # not of outputs that are no numbers
    np.add.at(confusion, (labels[known], answers[best][known]), 1)
    wrong = np.flatnonzero(~right[best])[:MOST_MISTAKES]
    return {
        "columns": [*map(str, range(task.num_outputs)), "all"],
        "rows": [(name, _by_class(each, labels, task.num_outputs)) for name, each in zip(names, right, strict=True)],
        "best": names[best],
        "confusion": confusion.tolist(),
        "num_wrong": int((~right[best]).sum()),
        "num_images": len(labels),
        "mistakes": [
            {"pixels": np.asarray(inputs[index]), "label": int(labels[index]), "answer": int(answers[best][index])}
            for index in wrong.tolist()
        ],
    }


_forward = jax.jit(forward_samples)
_in_layers = jax.jit(in_layers, static_argnums=0)


def _by_class(right: np.ndarray, labels: np.ndarray, num_classes: int) -> list[float | None]:
    """Accuracy on the images of each class, None where there are none, and on all."""
    shares = [right[labels == k] for k in range(num_classes)]
    return [*(float(share.mean()) if share.size else None for share in shares), float(right.mean())]


def examples(task: ClassificationTask) -> dict[str, list[Any]]:
    """Images of the validation split, in bytes, for the page to show."""
    images = np.asarray(task.inputs[SPLIT][:MOST_EXAMPLES])
    return {
        "images": (255 * images.clip(0.0, 1.0)).round().astype(int).tolist(),
        "labels": task.labels[SPLIT][:MOST_EXAMPLES].tolist(),
    }


def as_picture(pixels: np.ndarray, shape: tuple[int, int]) -> str:
    """Pixels in [0, 1] as the address of a picture that stands in the page itself."""
    file = io.BytesIO()
    Image.fromarray((255 * pixels.reshape(shape).clip(0.0, 1.0)).round().astype(np.uint8)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
