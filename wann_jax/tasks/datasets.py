"""Data sets, loaded on the host.

In: a name or a path. Out: `Dataset`, arrays by split. The validation split is cut from the training images, so that
choices never touch the test images. Every damaged or missing file raises DataError with one line.
"""

import dataclasses
import gzip
import hashlib
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from wann_jax.cache import cache_dir
from wann_jax.errors import DataError, require

MNIST_DIR_VARIABLE = "WANN_MNIST_DIR"
SPLIT_SEED = 20190611
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
MIN_SAMPLES = 10  # so that the validation split, a tenth, holds one


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Inputs [n, I] (float32) and labels [n] (int32) by split: "train", "validation", "test"."""

    inputs: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    num_classes: int


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
    folder = Path(directory) if directory else _download_mnist()
    raw = {name: read_idx(_find_idx(folder, name), sha256) for name, sha256 in MNIST_FILES.items()}
    images = _prepared_mnist(raw) if prepared else {name: _flat(part) for name, part in raw.items() if part.ndim == 3}
    train, test = (images[name] for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"))
    train_labels, test_labels = (
        raw[name].astype(np.int32) for name in ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")
    )
    cut = 55_000
    return Dataset(
        inputs={"train": train[:cut], "validation": train[cut:], "test": test},
        labels={"train": train_labels[:cut], "validation": train_labels[cut:], "test": test_labels},
        num_classes=10,
    )


def load_path(path: str) -> Dataset:
    """A user's data: a directory of IDX files named as MNIST's, or an .npz file.

    The .npz holds `x` [n, ...] and `y` [n], whole-number labels from 0; optionally `x_test` and `y_test`. Inputs of
    whole-number type are scaled to [0, 1]. Without test arrays, 20 % are kept for the test; 10 % validate.
    """
    source = Path(path)
    if source.is_dir():
        names = list(MNIST_FILES)
        arrays = [read_idx(_find_idx(source, name)) for name in names]
    elif source.is_file():
        arrays = _read_npz(source)
    else:
        raise DataError(f"classify path must be an IDX directory or an .npz file; got {path!r}")
    x, y = arrays[0], arrays[1]
    _check_pair(f"{path}: training", x, y)
    least = MIN_SAMPLES
    require(len(y) >= least, f"{path}: number of training samples", f"at least {least}", len(y), DataError)
    scale = _scale_of(x)
    if len(arrays) == 2:
        return split_dataset(_unit_inputs(x, scale), y, validation=len(y) // 10, test=len(y) // 5)
    x_test, y_test = arrays[2], arrays[3]
    _check_pair(f"{path}: test", x_test, y_test)
    require(
        x_test.shape[1:] == x.shape[1:], f"{path}: test inputs", f"of shape {x.shape[1:]}", x_test.shape[1:], DataError
    )
    kept = split_dataset(_unit_inputs(x, scale), y, validation=len(y) // 10, test=0)
    num_classes = kept.num_classes
    require(
        int(y_test.max()) < num_classes, f"{path}: test labels", f"below {num_classes}", int(y_test.max()), DataError
    )
    return dataclasses.replace(
        kept,
        inputs=kept.inputs | {"test": _unit_inputs(x_test, scale)},
        labels=kept.labels | {"test": y_test.astype(np.int32)},
    )


def split_dataset(inputs: np.ndarray, labels: np.ndarray, validation: int, test: int) -> Dataset:
    """Shuffles with a fixed seed and cuts off the last `validation` and `test` samples."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    cuts = np.split(order, [len(order) - validation - test, len(order) - test])
    splits = dict(zip(("train", "validation", "test"), cuts, strict=True))
    return Dataset(
        inputs={name: inputs[index].astype(np.float32) for name, index in splits.items()},
        labels={name: labels[index].astype(np.int32) for name, index in splits.items()},
        num_classes=int(labels.max()) + 1,
    )


def read_idx(path: Path, sha256: str | None = None) -> np.ndarray:
    """An IDX file of bytes, gzipped or not. Raises DataError if it is damaged or its hash differs."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    require(len(content) >= 4 and content[:3] == b"\0\0\x08", str(path), "an IDX file of bytes", content[:4], DataError)
    num_axes = content[3]
    header = 4 + 4 * num_axes
    require(len(content) >= header, str(path), f"at least {header} bytes long", len(content), DataError)
    shape = struct.unpack(f">{num_axes}I", content[4:header])
    size = header + int(np.prod(shape))
    require(len(content) == size, str(path), f"{size} bytes long, as its header says", len(content), DataError)
    if sha256 is not None:
        found = hashlib.sha256(content).hexdigest()
        require(found == sha256, str(path), f"the file with SHA-256 {sha256}", found, DataError)
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


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
    import pooch  # here: only a download needs it

    cache = cache_dir() / "mnist"
    for name, sha256 in MNIST_FILES.items():
        path = cache / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            continue
        for url in MNIST_URLS:
            try:
                packed = pooch.retrieve(f"{url}{name}.gz", None, f"{name}.gz", cache)
                content = gzip.decompress(Path(packed).read_bytes())
            except (OSError, ValueError, EOFError, zlib.error):
                continue
            if hashlib.sha256(content).hexdigest() == sha256:
                path.write_bytes(content)
                break
        else:
            raise DataError(
                f"MNIST cannot be downloaded ({name}); give a directory that holds its four IDX files, "
                f"by --data-dir or ${MNIST_DIR_VARIABLE}"
            )
    return cache


def _read_npz(path: Path) -> list[np.ndarray]:
    try:
        # An .npz is a zip archive; np.load would leave a damaged one open, and takes a lone .npy as well.
        with zipfile.ZipFile(path), path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            names = [name for name in ("x", "y", "x_test", "y_test") if name in archive.files]
            arrays = [archive[name] for name in names]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read as an .npz file: {error}") from None
    wanted = names in (["x", "y"], ["x", "y", "x_test", "y_test"])
    require(wanted, str(path), "an .npz with arrays x and y (and x_test and y_test)", names, DataError)
    return arrays


def _check_pair(field: str, x: np.ndarray, y: np.ndarray) -> None:
    require(x.ndim >= 2 and len(x) > 0, f"{field} inputs", "of shape [n, ...]", x.shape, DataError)
    require(y.shape == x.shape[:1], f"{field} labels", f"of shape ({len(x)},)", y.shape, DataError)
    require(np.issubdtype(y.dtype, np.integer), f"{field} labels", "whole numbers", str(y.dtype), DataError)
    require(int(y.min()) >= 0, f"{field} labels", "at least 0", int(y.min()), DataError)
    require(int(y.max()) < 1000, f"{field} labels", "below 1000", int(y.max()), DataError)
    is_real = np.issubdtype(x.dtype, np.number) and not np.issubdtype(x.dtype, np.complexfloating)
    require(is_real or x.dtype == bool, f"{field} inputs", "real numbers", str(x.dtype), DataError)
    require(bool(np.isfinite(x).all()), f"{field} inputs", "finite", "nan or inf", DataError)


def _scale_of(x: np.ndarray) -> float:
    """What whole-number inputs are divided by: 255 for bytes, else the largest; 1 for other types."""
    if x.dtype == np.uint8:
        return 255.0
    return max(1.0, float(np.abs(x.astype(np.float64)).max(initial=0.0))) if np.issubdtype(x.dtype, np.integer) else 1.0


def _unit_inputs(x: np.ndarray, scale: float) -> np.ndarray:
    return (x.reshape(len(x), -1) / scale).astype(np.float32)
