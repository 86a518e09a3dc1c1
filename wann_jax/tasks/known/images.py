"""Classification of images: digits, MNIST as in the paper, and a user's own."""

import dataclasses
from typing import Any

from wann_jax.tasks.labels import Labels
from wann_jax.tasks.registry import Preset, TaskSpec, option, register, unnamed

# Six equal parts of [-2, 2], a weight somewhere in each: the mean estimates that under random shared weights.
_STRATIFIED: dict[str, Any] = dict(shared_weights=tuple((2 * i - 5) / 3 for i in range(6)), weight_jitter=1 / 3)
PRESETS = {
    "quick": Preset(
        dict(population_size=64, generations=50, episodes=1, tournament_size=8, initial_connection_probability=0.1)
    ),
    "laptop": Preset(
        dict(population_size=192, generations=500, episodes=1, tournament_size=16, initial_connection_probability=0.1)
    ),
    "best": Preset(
        dict(
            population_size=192,
            generations=20_000,
            episodes=1,
            tournament_size=8,
            initial_connection_probability=0.05,
            simplicity_probability=0.5,
            **_STRATIFIED,
            connection_limit=1849,
            add_connection_rate=0.45,
            add_node_rate=0.30,
            enable_connection_rate=0.05,
            change_activation_rate=0.20,
            disable_connection_rate=0.10,
        ),
        dict(batch_size=2048, logit_deviation=2.0),
    ),
    "paper": Preset(
        dict(population_size=960, generations=4096, episodes=1, tournament_size=32, initial_connection_probability=0.05)
    ),
}

_DIGIT_NAMES = tuple(str(digit) for digit in range(10))


@dataclasses.dataclass(frozen=True)
class ImageOptions:
    """Options of classification."""

    batch_size: int = option(1000, "images per generation")
    logit_deviation: float = option(0.0, "standardise outputs to this deviation in the training loss; 0: not at all")


@dataclasses.dataclass(frozen=True)
class MnistOptions(ImageOptions):
    """Options of MNIST."""

    data_dir: str | None = option(None, "directory with MNIST's four IDX files; else $WANN_MNIST_DIR, else downloaded")


def _task(name: str, dataset: Any, options: ImageOptions) -> Any:
    from wann_jax.tasks.classification import ClassificationTask

    return ClassificationTask.create(name, dataset, options.batch_size, options.logit_deviation)


def make_digits(argument: str, options: ImageOptions) -> Any:
    """Scikit-learn's digits."""
    from wann_jax.tasks import datasets

    return _task("digits", datasets.load_digits(), options)


def make_mnist(argument: str, options: MnistOptions) -> Any:
    """MNIST. Raises DataError if a file is damaged, or there is none and it cannot be downloaded."""
    from wann_jax.tasks import datasets

    return _task("mnist", datasets.load_mnist(options.data_dir), options)


def make_classify(argument: str, options: ImageOptions) -> Any:
    """A user's own images. Raises DataError for whatever is wrong with them."""
    from wann_jax.tasks import datasets

    return _task(f"classify:{argument}", datasets.load_path(argument), options)


DIGITS = TaskSpec(
    name="digits",
    summary="scikit-learn's 8x8 digits, 64 inputs, 10 classes; nothing to download",
    factory=make_digits,
    options=ImageOptions,
    presets=PRESETS,
    family="classification",
    labels=lambda argument: Labels(outputs=_DIGIT_NAMES, image=(8, 8)),
)
register(
    DIGITS,
    dataclasses.replace(
        DIGITS,
        name="mnist",
        summary="MNIST, 16x16 deskewed, 256 inputs, 10 classes; $WANN_MNIST_DIR or --data-dir, else downloaded",
        factory=make_mnist,
        options=MnistOptions,
        place_options=("data_dir",),
        labels=lambda argument: Labels(outputs=_DIGIT_NAMES, image=(16, 16)),
        published={
            "random shared weight": "0.820 ± 0.187",
            "ensemble, one vote each": "0.916",
            "tuned shared weight": "0.919",
            "tuned weights": "0.942",
        },
    ),
    dataclasses.replace(
        DIGITS,
        name="classify:PATH",
        summary="your own images: an IDX directory or an .npz file with arrays x and y",
        factory=make_classify,
        labels=unnamed,
    ),
)
