"""Data sets, loaded on the host.

In: a name or a path. Out: `Dataset`, arrays by split. The validation split is cut from the training images, so that
choices never touch the test images. Every damaged or missing file raises DataError with one line.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from wann_jax.errors import DataError
from wann_jax.files import MOST_DATA_BYTES, cache_dir, read_bytes, unpacked, write_atomically
from wann_jax.tasks.arrays import read_idx, read_npz
from wann_jax.tasks.dataset import Dataset, split_dataset

MNIST_DIR_VARIABLE = "WANN_MNIST_DIR"
# SHA-256 of the decompressed files.
MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MNIST_URLS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
DESKEWED_SIDE = 16


def load_digits() -> Dataset:
    """Scikit-learn's 1797 digits of 8x8 pixels, scaled to [0, 1]: 1097 to train, 350 to validate, 350 to test."""
    from sklearn.datasets import load_digits as load  # here: importing it takes longer than the rest of this file

    images, labels = map(np.asarray, load(return_X_y=True))
    return split_dataset(images / 16.0, labels, validation=350, test=350)


def load_mnist(data_dir: str | os.PathLike[str] | None = None, prepared: bool = True) -> Dataset:
    """MNIST at 16x16, deskewed: 55,000 to train, 5,000 to validate (the last ones), 10,000 to test.

    If not `prepared`, the images as they are: 28x28, between 0 and 1.
    From `data_dir`, else the directory in $WANN_MNIST_DIR, else downloaded into a cache with checked hashes.
    """
    directory = data_dir or os.environ.get(MNIST_DIR_VARIABLE)
    folder = Path(os.path.expanduser(directory)) if directory else _download_mnist()
    raw = {name: read_idx(_find_idx(folder, name), sha256) for name, sha256 in MNIST_FILES.items()}
    images = _prepared_mnist(raw) if prepared else {name: _flat(part) for name, part in raw.items() if part.ndim == 3}
    train, test = (images[name] for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"))
    train_labels, test_labels = (
        raw[name].astype(np.int32) for name in ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")
    )
    cut = len(train) * 11 // 12
    return Dataset(
        inputs={"train": train[:cut], "validation": train[cut:], "test": test},
        labels={"train": train_labels[:cut], "validation": train_labels[cut:], "test": test_labels},
        num_classes=10,
    )


def load_path(path: str) -> Dataset:
    """A user's data: a directory of IDX files named as MNIST's, or an .npz file.

    The .npz holds `x` [n, ...] and `y` [n], whole-number labels from 0; optionally `x_test` and `y_test`; or Keras'
    `x_train`, `y_train`, `x_test`, `y_test`. See `Dataset.of_arrays`.
    """
    source = Path(os.path.expanduser(path))
    if source.is_dir():
        arrays = [read_idx(_find_idx(source, name)) for name in MNIST_FILES]
    elif source.exists():
        arrays = read_npz(source)
    else:
        raise DataError(f"classify path must be an IDX directory or an .npz file; got {path!r}")
    try:
        return Dataset.of_arrays(*arrays)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def deskew(images: np.ndarray) -> np.ndarray:
    """Images [n, 28, 28] in [0, 1] resized to 16x16 (bilinear) and straightened by their moments, as [n, 256].

    Each row shifts by skew x (row - 8), skew = mu11 / mu02; unchanged where |mu02| < 0.01. Source: the original.
    """
    small = _resize_bilinear(images, DESKEWED_SIDE)
    rows, columns = np.mgrid[:DESKEWED_SIDE, :DESKEWED_SIDE].astype(np.float64)
    mass = np.maximum(small.sum((1, 2)), 1e-12)[:, None, None]
    from_row = rows - (small * rows).sum((1, 2), keepdims=True) / mass
    from_column = columns - (small * columns).sum((1, 2), keepdims=True) / mass
    mu11, mu02 = (small * from_row * from_column).sum((1, 2)), (small * from_row**2).sum((1, 2))
    moves = np.abs(mu02) >= 0.01
    skew = np.where(moves, mu11 / np.where(moves, mu02, 1.0), 0.0)[:, None, None]
    return _sample_rows(small, columns + skew * (rows - 0.5 * DESKEWED_SIDE)).reshape(len(images), -1)


def _sample_rows(images: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Values at fractional columns of each row, linear between pixels, 0 outside."""
    left = np.floor(columns).astype(np.int64)
    fraction = columns - left
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1)))
    side = images.shape[2]

    def at(column):
        return np.take_along_axis(padded, np.clip(column + 1, 0, side + 1), axis=2)

    return (1.0 - fraction) * at(left) + fraction * at(left + 1)


def _resize_bilinear(images: np.ndarray, side: int) -> np.ndarray:
    """Bilinear without antialiasing, pixel centres aligned."""

    def weights(old):
        centre = np.clip((np.arange(side) + 0.5) * old / side - 0.5, 0, old - 1)
        left = np.minimum(np.floor(centre).astype(np.int64), old - 2)
        matrix = np.zeros((side, old))
        matrix[np.arange(side), left] = 1.0 - (centre - left)
        matrix[np.arange(side), left + 1] += centre - left
        return matrix

    return np.einsum("ij,njk,lk->nil", weights(images.shape[1]), images, weights(images.shape[2]), optimize=True)


def _flat(images: np.ndarray) -> np.ndarray:
    return (images.reshape(len(images), -1) / np.float32(255.0)).astype(np.float32)


def _prepared_mnist(raw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: np.concatenate([deskew(part / 255.0) for part in np.array_split(images, 12)]).astype(np.float32)
        for name, images in raw.items()
        if images.ndim == 3
    }


def _find_idx(folder: Path, name: str) -> Path:
    for candidate in (folder / name, folder / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    raise DataError(f"data directory {str(folder)!r} must hold {name} or {name}.gz; got neither")


def _download_mnist() -> Path:
    cache = cache_dir() / "mnist"
    for name, sha256 in MNIST_FILES.items():
        path = cache / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            continue
        if not any(_fetched(url, path, sha256) for url in MNIST_URLS):
            raise DataError(
                f"MNIST cannot be downloaded ({name}); give a directory that holds its four IDX files, "
                f"by --data-dir or ${MNIST_DIR_VARIABLE}"
            )
    return cache


def _fetched(url: str, path: Path, sha256: str) -> bool:
    """Whether a mirror has the file; then it lies unpacked at `path`. What was fetched packed goes in any case."""
    import pooch  # here: only a download needs it

    packed = f"{path.name}.gz"
    kept = path.with_name(packed)
    try:
        kept.unlink(missing_ok=True)  # pooch would take it as it is, good or bad
        kept = Path(pooch.retrieve(f"{url}{packed}", None, packed, path.parent))
        content = unpacked(kept, read_bytes(kept, MOST_DATA_BYTES), MOST_DATA_BYTES)
        good = hashlib.sha256(content).hexdigest() == sha256
        if good:
            write_atomically(path, content)
    except (OSError, ValueError):  # a DataError is a ValueError
        return False
    finally:
        with suppress(OSError):
            kept.unlink(missing_ok=True)
    return good
