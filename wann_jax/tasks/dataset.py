"""A data set in memory, checked.

In: arrays of a user or of a file. Out: `Dataset`. Whatever does not fit raises DataError in one line.
"""

import dataclasses
from typing import Any

import numpy as np

from wann_jax.errors import DataError, require
from wann_jax.strictness import LARGEST

SPLITS = {"train": "training", "validation": "validation", "test": "test"}  # and what messages call them
SPLIT_SEED = 20190611
MIN_SAMPLES = 10  # so that the validation split, a tenth, holds one
MAX_CLASSES = 1000


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Inputs [n, I] (kept as float32) and labels [n] (int32) by split: "train", "validation", "test".

    Labels are whole numbers from 0 to `num_classes` - 1. Raises DataError for arrays that are no such thing.
    """

    inputs: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    num_classes: int

    def __post_init__(self) -> None:
        inputs, labels = (_by_split(name, getattr(self, name)) for name in ("inputs", "labels"))
        classes = self.num_classes
        whole = isinstance(classes, int | np.integer) and 2 <= classes <= MAX_CLASSES
        require(whole, "num_classes", f"a whole number between 2 and {MAX_CLASSES}", classes, DataError)
        width = inputs["train"].shape[1:]
        for split, called in SPLITS.items():
            x, y = inputs[split], labels[split]
            require(x.ndim == 2 and x.size > 0, f"{called} inputs", "of shape [n, I], not empty", x.shape, DataError)
            check_pair(called, x, y)
            require(
                x.dtype.kind == "f", f"{called} inputs", "fractions, scaled (see of_arrays)", str(x.dtype), DataError
            )
            require(x.shape[1:] == width, f"{called} inputs", f"of shape {width}", x.shape[1:], DataError)
            require(int(y.max()) < classes, f"{called} labels", f"below {classes}", int(y.max()), DataError)
        found = np.unique(labels["train"])
        require(len(found) >= 2, "training labels", "of at least two classes", found.tolist(), DataError)
        object.__setattr__(self, "inputs", {split: x.astype(np.float32) for split, x in inputs.items()})
        object.__setattr__(self, "labels", {split: y.astype(np.int32) for split, y in labels.items()})

    @classmethod
    def of_arrays(cls, x: Any, y: Any, x_test: Any = None, y_test: Any = None) -> "Dataset":
        """From inputs [n, ...] and whole-number labels [n]; without test arrays, 20 % are kept for the test; 10 %
        validate. Inputs of whole-number type are scaled to [0, 1]: bytes by 255, others by the largest of `x`; an
        array of zeros and ones stays as it is. Raises DataError."""
        x, y = np.asarray(x), np.asarray(y)
        check_pair("training", x, y)
        require(len(y) >= MIN_SAMPLES, "number of training samples", f"at least {MIN_SAMPLES}", len(y), DataError)
        kind, num_classes, validation = _kind_of(x), int(y.max()) + 1, len(y) // 10
        shared = _largest(x) if kind == "whole numbers" else 1
        inputs = _scaled(x, shared)
        if x_test is None and y_test is None:
            return split_dataset(inputs, y, validation, len(y) // 5)
        x_test, y_test = np.asarray(x_test), np.asarray(y_test)
        check_pair("test", x_test, y_test)
        fits = x_test.shape[1:] == x.shape[1:]
        require(fits, "test inputs", f"of shape {x.shape[1:]}", x_test.shape[1:], DataError)
        found = _kind_of(x_test)
        require(found == kind, "test inputs", f"{kind}, as the training inputs are", found, DataError)
        fits = kind != "whole numbers" or shared > 1 or _largest(x_test) <= 1
        require(fits, "test inputs", "zeros and ones, as the training inputs are", "larger numbers", DataError)
        parts = _shuffled(inputs, y, {"validation": validation})
        return _dataset(parts | {"test": (_scaled(x_test, shared), y_test)}, num_classes)

    def shortened(self, samples: int) -> "Dataset":
        """The same with the first so many training samples only. Raises DataError if there are not as many."""
        most = len(self.labels["train"])
        fits = isinstance(samples, int | np.integer) and 1 <= samples <= most
        require(fits, "samples", f"a whole number between 1 and {most}", samples, DataError)
        first = {"inputs": self.inputs["train"][:samples], "labels": self.labels["train"][:samples]}
        return dataclasses.replace(
            self, **{name: getattr(self, name) | {"train": part} for name, part in first.items()}
        )

    def with_random_labels(self, share: float, seed: int) -> "Dataset":
        """The same with random labels for a share of the training samples.

        Args:
            share: of the training samples (rounded), drawn without replacement; each gets a label drawn uniformly from
                all classes, its own among them.
            seed: same seed, same samples and labels; a larger share changes the same ones and more.

        Returns:
            A data set whose validation and test labels are the true ones.

        Raises:
            DataError: if the share is not between 0 and 1.

        Source: Zhang et al. 2017, "Understanding deep learning requires rethinking generalization".
        """
        require(0.0 <= share <= 1.0, "share", "between 0 and 1", share, DataError)
        random, true = np.random.default_rng(seed), self.labels["train"]
        order, drawn = random.permutation(len(true)), random.integers(self.num_classes, size=len(true))
        changed = order[: round(share * len(true))]
        labels = true.copy()
        labels[changed] = drawn[changed]
        return dataclasses.replace(self, labels=self.labels | {"train": labels})


def split_dataset(inputs: np.ndarray, labels: np.ndarray, validation: int, test: int) -> Dataset:
    """Shuffles with a fixed seed and cuts off the last `validation` and `test` samples."""
    return _dataset(_shuffled(inputs, labels, {"validation": validation, "test": test}), int(labels.max()) + 1)


def check_pair(called: str, x: np.ndarray, y: np.ndarray) -> None:
    """Raises DataError unless these are finite inputs [n, ...] and labels [n], whole numbers from 0."""
    require(x.ndim >= 2 and x.size > 0, f"{called} inputs", "of shape [n, ...]", x.shape, DataError)
    require(y.shape == x.shape[:1], f"{called} labels", f"of shape ({len(x)},)", y.shape, DataError)
    require(y.dtype.kind in "iu", f"{called} labels", "whole numbers", str(y.dtype), DataError)
    require(int(y.min()) >= 0, f"{called} labels", "at least 0", int(y.min()), DataError)
    require(int(y.max()) < MAX_CLASSES, f"{called} labels", f"below {MAX_CLASSES}", int(y.max()), DataError)
    require(x.dtype.kind in "fiub", f"{called} inputs", "real numbers", str(x.dtype), DataError)
    require(bool(np.isfinite(x).all()), f"{called} inputs", "finite", "nan or inf", DataError)
    largest = max(abs(float(x.min())), abs(float(x.max())))
    require(largest <= LARGEST, f"{called} inputs", f"at most {LARGEST:g}, as 32 bits hold", largest, DataError)


def _by_split(name: str, arrays: Any) -> dict[str, np.ndarray]:
    named = isinstance(arrays, dict) and set(arrays) == set(SPLITS)
    found = list(arrays) if isinstance(arrays, dict) else type(arrays).__name__
    require(named, name, f"a dict with the splits {', '.join(SPLITS)}", found, DataError)
    return {split: np.asarray(arrays[split]) for split in SPLITS}


def _shuffled(x: np.ndarray, y: np.ndarray, held_out: dict[str, int]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Inputs and labels by split, in an order that is always the same: what trains, then so many held out."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(y))
    cuts = np.split(order, len(y) - np.cumsum([*held_out.values()][::-1])[::-1])
    return {split: (x[part], y[part]) for split, part in zip(("train", *held_out), cuts, strict=True)}


def _dataset(parts: dict[str, tuple[np.ndarray, np.ndarray]], num_classes: int) -> Dataset:
    inputs, labels = ({split: part[index] for split, part in parts.items()} for index in (0, 1))
    return Dataset(inputs, labels, num_classes)


def _kind_of(x: np.ndarray) -> str:
    """What an array's pixels are, by its type."""
    if x.dtype.kind == "f":
        return "fractions"
    if x.dtype == np.uint8:
        return "bytes"
    return "truth values" if x.dtype == bool else "whole numbers"


def _largest(x: np.ndarray) -> int:
    return max(abs(int(x.min())), abs(int(x.max())))


def _scaled(x: np.ndarray, shared: int) -> np.ndarray:
    """Flat inputs. Zeros and ones of any type stay; bytes are divided by 255, other whole numbers by `shared`."""
    if x.dtype.kind == "f" or _largest(x) <= 1:
        return x.reshape(len(x), -1).astype(np.float32)
    return (x.reshape(len(x), -1) / (255 if x.dtype == np.uint8 else shared)).astype(np.float32)
