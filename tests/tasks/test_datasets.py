"""Data sets: IDX and .npz files good and bad, splits, MNIST's preparation, downloads."""

import gzip
import hashlib
import http.server
import os
import struct
import threading
import zipfile
from pathlib import Path
from typing import ClassVar

import jax
import numpy as np
import pooch
import pytest
from sklearn.datasets import load_digits as sklearn_digits

import wann_jax
from tests.oracle import deskew as oracle
from wann_jax import DataError
from wann_jax.files import CACHE_DIR_VARIABLE
from wann_jax.tasks import arrays as arrays_module
from wann_jax.tasks import datasets

NAMES = list(datasets.MNIST_FILES)
SHARED_MNIST = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist"
MNIST_DIR = Path(os.environ.get(datasets.MNIST_DIR_VARIABLE, SHARED_MNIST))


def idx_bytes(array):
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def refused(load, *words):
    """That `load` raises DataError, in one line that holds all the words."""
    with pytest.raises(DataError) as error:
        load()
    text = str(error.value)
    assert "\n" not in text
    assert [str(word) for word in words if str(word) not in text] == [], text


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch):
    """A few images as MNIST's four files, two of them gzipped; the hashes are theirs."""
    random = np.random.default_rng(0)
    arrays = {
        NAMES[0]: random.integers(0, 256, (14, 28, 28), np.uint8),
        NAMES[1]: np.arange(14, dtype=np.uint8) % 10,
        NAMES[2]: random.integers(0, 256, (12, 28, 28), np.uint8),
        NAMES[3]: np.arange(12, dtype=np.uint8)[::-1] % 10,
    }
    files = {name: idx_bytes(array) for name, array in arrays.items()}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(datasets, "MNIST_FILES", hashes)
    folder = tmp_path / "tiny"
    folder.mkdir()
    for name in NAMES[:2]:
        (folder / name).write_bytes(files[name])
    for name in NAMES[2:]:
        (folder / f"{name}.gz").write_bytes(gzip.compress(files[name]))
    return folder, arrays


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 3)])
def test_idx_is_read_plain_or_gzipped(tmp_path, pack, shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    path = tmp_path / "file"
    path.write_bytes(pack(idx_bytes(array)))
    read = datasets.read_idx(path, hashlib.sha256(idx_bytes(array)).hexdigest())
    np.testing.assert_array_equal(read, array, strict=True)


IDX = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
PACKED = gzip.compress(IDX)
BAD_IDX = {
    "three bytes": (b"\0\0\x08", "must be an IDX file of bytes; got b'\\x00\\x00\\x08'"),
    "floats": (b"\0\0\x0d\x01" + bytes(8), "must be an IDX file of bytes; got b'\\x00\\x00\\r\\x01'"),
    "many axes": (b"\0\0\x08\xff" + b"\xff" * 1020, "must be an array of at most 8 axes; got 255"),
    "many axes of nothing": (b"\0\0\x08\x50" + bytes(320), "must be an array of at most 8 axes; got 80"),
    "header cut": (IDX[:9], "must be at least 16 bytes long; got 9"),
    "body cut": (IDX[:-1], "must be 40 bytes long, as its header says; got 39"),
    "too long": (IDX + b"\0", "must be 40 bytes long, as its header says; got 41"),
    "gzip cut": (PACKED[:-9], "cannot be read"),
    "gzip damaged": (PACKED[:12] + b"\xff\xff\xff\xff" + PACKED[16:], "cannot be read"),
    "hash": (IDX, f"must be the file with SHA-256 {'0' * 64}; got '{hashlib.sha256(IDX).hexdigest()}'"),
    "missing": (None, "cannot be read"),
}


@pytest.mark.parametrize("case", BAD_IDX)
def test_a_bad_idx_file_is_refused(tmp_path, case):
    content, words = BAD_IDX[case]
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    refused(lambda: datasets.read_idx(path, "0" * 64 if case == "hash" else None), path, words)


@pytest.mark.parametrize("by_variable", [False, True])
def test_mnist_is_read_from_a_directory(tiny_mnist, monkeypatch, by_variable):
    folder, arrays = tiny_mnist
    monkeypatch.setenv(datasets.MNIST_DIR_VARIABLE, str(folder if by_variable else folder / "elsewhere"))
    dataset = datasets.load_mnist(None if by_variable else folder)
    of_training = {"train": slice(12), "validation": slice(12, 14)}  # the last twelfth validates
    for split, names in {"train": NAMES[:2], "validation": NAMES[:2], "test": NAMES[2:]}.items():
        images, labels = (arrays[name][of_training.get(split, slice(None))] for name in names)
        wanted = [oracle.prepare((image / 255.0).tolist()) for image in images]
        np.testing.assert_allclose(dataset.inputs[split], wanted, atol=1e-6)
        assert dataset.labels[split].tolist() == labels.tolist()
        assert (dataset.inputs[split].dtype, dataset.labels[split].dtype) == (np.float32, np.int32)
    assert dataset.num_classes == 10


def test_a_mnist_directory_that_lacks_or_changes_a_file_is_refused(tiny_mnist):
    folder, _ = tiny_mnist
    labels = folder / NAMES[1]
    labels.write_bytes(labels.read_bytes()[:-1] + b"\x05")
    refused(lambda: datasets.load_mnist(folder), labels, "SHA-256")
    labels.unlink()
    refused(lambda: datasets.load_mnist(folder), folder, f"must hold {labels.name} or {labels.name}.gz")


@pytest.mark.skipif(not (MNIST_DIR / f"{NAMES[0]}.gz").is_file(), reason=f"no MNIST files in {MNIST_DIR}")
def test_real_mnist_has_the_published_sizes_and_hashes():
    dataset = datasets.load_mnist(MNIST_DIR)
    shapes = {split: inputs.shape for split, inputs in dataset.inputs.items()}
    assert shapes == {"train": (55_000, 256), "validation": (5_000, 256), "test": (10_000, 256)}
    assert dataset.labels["train"][:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert len(dataset.labels["validation"]) == 5_000
    assert np.bincount(dataset.labels["test"]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    raw = datasets.read_idx(MNIST_DIR / f"{NAMES[2]}.gz")
    for index in (0, 17, 9_999):
        wanted = oracle.prepare((raw[index] / 255.0).tolist())
        np.testing.assert_allclose(dataset.inputs["test"][index], wanted, atol=1e-6)


def example_images():
    """Slanted strokes, noise, and a corner that deskewing shifts past the border."""
    rows, columns = np.mgrid[:28, :28]
    distance = [columns - 14 - slant * (rows - 13) for slant in (-0.7, 0.0, 0.4, 1.2)]
    strokes = [np.exp(-((across / 3) ** 2) - ((rows - 13) / 7) ** 2) for across in distance]
    corner = (rows < 6 + columns - 20) & (columns >= 20)
    return np.stack([*strokes, *np.random.default_rng(1).random((2, 28, 28)), corner.astype(float)])


def test_deskew_agrees_with_the_oracle():
    images = example_images()
    wanted = [oracle.prepare(image.tolist()) for image in images]
    np.testing.assert_allclose(datasets.deskew(images), wanted, atol=1e-9)


def test_images_of_too_small_a_moment_stay_as_they_are():
    images = np.zeros((2, 28, 28))
    images[1, 10, 9] = images[1, 16, 20] = 4e-4
    small = [oracle.resize(image.tolist(), 16) for image in images]
    mu11, mu02 = oracle.moments(small[1])
    assert abs(mu11) > 1e-3
    assert 0 < mu02 < 0.01
    np.testing.assert_allclose(datasets.deskew(images), np.reshape(small, (2, 256)), atol=1e-12)


def test_the_resize_is_the_usual_bilinear_one():
    images = example_images().astype(np.float32)
    wanted = jax.image.resize(images, (len(images), 16, 16), "linear", antialias=False)
    np.testing.assert_allclose(datasets._resize_bilinear(images, 16), wanted, atol=1e-6)


def test_digits_are_split_once_for_all():
    dataset, again = datasets.load_digits(), datasets.load_digits()
    sizes = {split: len(labels) for split, labels in dataset.labels.items()}
    assert sizes == {"train": 1097, "validation": 350, "test": 350}
    assert dataset.num_classes == 10
    rows = np.concatenate([np.c_[dataset.inputs[s], dataset.labels[s]] for s in dataset.inputs])
    images, labels = sklearn_digits(return_X_y=True)
    every = np.c_[images / 16.0, labels]
    np.testing.assert_array_equal(rows[np.lexsort(rows.T)], every[np.lexsort(every.T)])
    for split in dataset.inputs:
        np.testing.assert_array_equal(dataset.inputs[split], again.inputs[split])


@pytest.mark.parametrize("with_test", [False, True])
def test_npz_splits_are_disjoint_and_complete(tmp_path, with_test):
    number = np.arange(40)
    arrays = {"x": np.stack([number, -number], axis=1).astype(float), "y": number % 3}
    if with_test:
        arrays |= {"x_test": np.full((5, 2), 101.0), "y_test": np.array([2, 2, 1, 0, 0])}
    np.savez(tmp_path / "data.npz", **arrays)
    dataset = datasets.load_path(str(tmp_path / "data.npz"))
    sizes = {split: len(labels) for split, labels in dataset.labels.items()}
    assert sizes == {"train": 36 if with_test else 28, "validation": 4, "test": 5 if with_test else 8}
    if with_test:
        np.testing.assert_array_equal(dataset.inputs["test"], arrays["x_test"])
        assert dataset.labels["test"].tolist() == [2, 2, 1, 0, 0]
    own = ["train", "validation"] if with_test else list(sizes)
    found = np.concatenate([dataset.inputs[split] for split in own])
    np.testing.assert_array_equal(found[found[:, 0].argsort()], arrays["x"])
    for split in own:
        np.testing.assert_array_equal(dataset.labels[split], dataset.inputs[split][:, 0] % 3)
    assert dataset.num_classes == 3


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_whole_number_inputs_are_scaled_to_one(tmp_path, dtype):
    """255 becomes 1, whatever whole-number type bytes were saved in; the test inputs share the scale."""
    x = np.array([[[0, 51], [204, 255]]] * 20, dtype)
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(20) % 2, x_test=x[:3] // 2, y_test=np.zeros(3, int))
    dataset = datasets.load_path(str(tmp_path / "data.npz"))
    np.testing.assert_allclose(dataset.inputs["train"], [[0.0, 0.2, 0.8, 1.0]] * 18, atol=1e-7)
    np.testing.assert_allclose(dataset.inputs["test"], [[0.0, 25 / 255, 0.4, 127 / 255]] * 3, atol=1e-7)


def test_a_directory_of_idx_files_is_read_too(tmp_path):
    arrays = [np.full((20, 2, 2), 255, np.uint8), np.arange(20, dtype=np.uint8) % 4]
    arrays += [np.zeros((3, 2, 2), np.uint8), np.array([3, 0, 1], np.uint8)]
    for name, array in zip(NAMES, arrays, strict=True):
        (tmp_path / name).write_bytes(idx_bytes(array))
    dataset = datasets.load_path(str(tmp_path))
    shapes = {split: inputs.shape for split, inputs in dataset.inputs.items()}
    assert shapes == {"train": (18, 4), "validation": (2, 4), "test": (3, 4)}
    assert (dataset.inputs["train"].min(), dataset.inputs["test"].max()) == (1.0, 0.0)
    assert dataset.labels["test"].tolist() == [3, 0, 1]
    assert dataset.num_classes == 4


X, Y = np.zeros((20, 2), np.float32), np.arange(20) % 2
BAD_ARRAYS = {
    "no labels": (dict(x=X), "must be an .npz with arrays x and y (and x_test and y_test); got ['x']"),
    "half a test": (dict(x=X, y=Y, x_test=X), "must be an .npz with arrays x and y"),
    "negative label": (dict(x=X, y=Y - 1), "training labels must be at least 0; got -1"),
    "one class": (dict(x=X, y=Y * 0 + 1), "training labels must be of at least two classes; got [1]"),
    "timedelta labels": (dict(x=X, y=Y.astype("m8[s]")), "training labels must be whole numbers; got 'timedelta64[s]'"),
    "timedelta inputs": (dict(x=X.astype("m8[s]"), y=Y), "training inputs must be real numbers; got 'timedelta64[s]'"),
    "too large a number": (
        dict(x=X + np.float64([1e300]), y=Y),
        "training inputs must be at most 3.40282e+38, as 32 bits hold",
    ),
    "two training sets": (dict(x=X, y=Y, x_train=X, y_train=Y), "got ['x', 'y', 'x_train', 'y_train']"),
    "other names": (dict(images=X, classes=Y), "got ['images', 'classes']"),
    "bytes against fractions": (
        dict(x=(X + 200).astype(np.uint8), y=Y, x_test=X, y_test=Y),
        "test inputs must be bytes, as the training inputs are; got 'fractions'",
    ),
    "bits against bytes": (
        dict(x=X.astype(int), y=Y, x_test=(X + 200).astype(int), y_test=Y),
        "test inputs must be zeros and ones, as the training inputs are; got 'larger numbers'",
    ),
    "bytes against whole numbers": (
        dict(x=(X + 200).astype(np.uint8), y=Y, x_test=(X + 200).astype(int), y_test=Y),
        "test inputs must be bytes, as the training inputs are; got 'whole numbers'",
    ),
    "large label": (dict(x=X, y=Y * 1000), "training labels must be below 1000; got 1000"),
    "float labels": (dict(x=X, y=Y.astype(float)), "training labels must be whole numbers; got 'float64'"),
    "few labels": (dict(x=X, y=Y[:-1]), "training labels must be of shape (20,); got (19,)"),
    "label matrix": (dict(x=X, y=Y[:, None]), "training labels must be of shape (20,); got (20, 1)"),
    "flat inputs": (dict(x=X[:, 0], y=Y), "training inputs must be of shape [n, ...]; got (20,)"),
    "no samples": (dict(x=X[:0], y=Y[:0]), "training inputs must be of shape [n, ...]; got (0, 2)"),
    "few samples": (dict(x=X[:9], y=Y[:9]), "number of training samples must be at least 10"),
    "nan": (dict(x=X * np.nan, y=Y), "training inputs must be finite; got 'nan or inf'"),
    "text": (dict(x=X.astype(str), y=Y), "training inputs must be real numbers; got '<U32'"),
    "complex": (dict(x=X + 0j, y=Y), "training inputs must be real numbers; got 'complex64'"),
    "objects": (dict(x=np.array([[{}]] * 20, object), y=Y), "cannot be read as an .npz file"),
    "test shape": (dict(x=X, y=Y, x_test=X[:, :1], y_test=Y), "test inputs must be of shape (2,); got (1,)"),
    "test label": (dict(x=X, y=Y, x_test=X, y_test=Y + 1), "test labels must be below 2; got 2"),
    "negative test label": (dict(x=X, y=Y, x_test=X, y_test=Y - 1), "test labels must be at least 0; got -1"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_unfit_arrays_are_refused(tmp_path, case):
    arrays, words = BAD_ARRAYS[case]
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    refused(lambda: datasets.load_path(str(path)), path, words)


def npy(header, body=bytes(160)):
    """A .npy file with any header."""
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


HEADERS = {
    "no sense": "{'descr': '<f8', 'fortran_order': False, 'shape': (20,",
    "indented": "  x\n y",
    "deep": "(" * 100,
    "nameless": "{}",
    "another type": "{'descr': 'zz', 'fortran_order': False, 'shape': (20, 1)}",
    "huge": "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1000)}",
    "too short": "{'descr': '<f8', 'fortran_order': False, 'shape': (21, 1)}",
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_of_strangers_are_refused(tmp_path, case):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy(HEADERS[case]))
        archive.writestr("y.npy", npy(HEADERS[case]))
    refused(lambda: datasets.load_path(str(path)), path, "cannot be read as an .npz file")


def test_files_that_never_end_or_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    """Before they are unpacked: the limit is 1 GiB, here 1000 bytes."""
    for module in (arrays_module, datasets):
        monkeypatch.setattr(module, "MOST_DATA_BYTES", 1000)
    bomb, packed, pipe = tmp_path / "bomb.npz", tmp_path / "packed", tmp_path / "pipe.npz"
    np.savez_compressed(bomb, x=np.zeros((20, 50)), y=Y)
    packed.write_bytes(gzip.compress(idx_bytes(np.zeros(2000, np.uint8))))
    os.mkfifo(pipe)
    assert max(bomb.stat().st_size, packed.stat().st_size) < 1000
    refused(lambda: datasets.load_path(str(bomb)), bomb, "must be at most 1000 bytes large, unpacked; got 8416")
    refused(lambda: datasets.read_idx(packed), packed, "must be at most 1000 bytes large, unpacked")
    for path in (pipe, Path("/dev/zero")):
        refused(lambda path=path: datasets.load_path(str(path)), path, "must be a regular file")
        refused(lambda path=path: datasets.read_idx(path), path, "must be a regular file")
    packed.write_bytes(bytes(2000))
    refused(lambda: datasets.read_idx(packed), packed, "must be at most 1000 bytes large; got 2000")


def test_sizes_whose_product_overflows_are_refused(tmp_path):
    """2**32 * 2**32 is 0 in 64 bits."""
    path = tmp_path / "file"
    path.write_bytes(b"\0\0\x08\x04" + struct.pack(">4I", *[2**16 * 2**15] * 4))
    refused(lambda: datasets.read_idx(path), path, f"must be {20 + 2**124} bytes long, as its header says; got 20")


def test_keras_names_and_a_home_directory_are_known(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez(tmp_path / "data.npz", x_train=X + 0.5, y_train=Y, x_test=X[:3], y_test=Y[:3])
    dataset = datasets.load_path("~/data.npz")
    assert {split: len(labels) for split, labels in dataset.labels.items()} == {"train": 18, "validation": 2, "test": 3}
    assert (dataset.inputs["train"].min(), dataset.inputs["test"].max()) == (0.5, 0.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_zeros_and_ones_stay_as_they_are(dtype):
    x = np.tile([[0, 1], [1, 0]], (10, 1)).astype(dtype)
    dataset = wann_jax.Dataset.of_arrays(x, Y, x[:2], Y[:2])
    assert sorted(np.unique(dataset.inputs["train"]).tolist()) == [0.0, 1.0]
    assert dataset.inputs["test"].tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_each_array_of_bytes_is_judged_by_itself():
    bits, pixels = (np.tile([[0, top], [top, 0]], (10, 1)).astype(np.uint8) for top in (1, 255))
    for x, x_test in ((bits, pixels), (pixels, bits)):
        dataset = wann_jax.Dataset.of_arrays(x, Y, x_test, Y)
        assert [dataset.inputs[split].max() for split in ("train", "validation", "test")] == [1.0, 1.0, 1.0]


def parts(**changes):
    """Arguments of a sound Dataset, with changes to its training arrays or to the arguments."""
    inputs = {split: np.full((4, 2), 0.5) for split in ("train", "validation", "test")}
    labels = {split: np.array([0, 1, 2, 1]) for split in inputs}
    inputs["train"], labels["train"] = changes.pop("x", inputs["train"]), changes.pop("y", labels["train"])
    return dict(inputs=inputs, labels=labels, num_classes=3) | changes


GOOD = parts()
BAD_DATASETS = {
    "labels from 1": (dict(y=np.array([1, 2, 3, 1])), "training labels must be below 3; got 3"),
    "negative": (dict(y=np.array([0, -1, 1, 1])), "training labels must be at least 0; got -1"),
    "nan": (dict(x=np.full((4, 2), np.nan)), "training inputs must be finite; got 'nan or inf'"),
    "infinite in 32 bits": (dict(x=np.full((4, 2), -1e39)), "training inputs must be at most 3.40282e+38"),
    "one-hot": (dict(y=np.eye(4, 3, dtype=int)), "training labels must be of shape (4,); got (4, 3)"),
    "float labels": (dict(y=np.array([0.0, 1, 2, 1])), "training labels must be whole numbers; got 'float64'"),
    "images": (dict(x=np.zeros((4, 2, 2))), "training inputs must be of shape [n, I], not empty; got (4, 2, 2)"),
    "unscaled": (dict(x=np.zeros((4, 2), np.uint8)), "training inputs must be fractions, scaled (see of_arrays)"),
    "fewer labels": (dict(y=np.array([0, 1, 2])), "training labels must be of shape (4,); got (3,)"),
    "one class": (dict(y=np.array([1, 1, 1, 1])), "training labels must be of at least two classes; got [1]"),
    "one class told": (dict(num_classes=1), "num_classes must be a whole number between 2 and 1000; got 1"),
    "no class": (dict(num_classes=3.0), "num_classes must be a whole number between 2 and 1000; got 3.0"),
    "no test": (
        dict(inputs={"train": GOOD["inputs"]["train"]}),
        "inputs must be a dict with the splits train, validation, test; got ['train']",
    ),
    "another split": (dict(labels=GOOD["labels"] | {"val": 1}), "labels must be a dict with the splits"),
    "empty split": (
        dict(inputs=GOOD["inputs"] | {"validation": np.zeros((0, 2))}),
        "validation inputs must be of shape [n, I], not empty; got (0, 2)",
    ),
    "other width": (
        dict(inputs=GOOD["inputs"] | {"test": np.zeros((4, 3))}),
        "test inputs must be of shape (2,); got (3,)",
    ),
}


@pytest.mark.parametrize("case", BAD_DATASETS)
def test_a_data_set_from_python_is_checked(case):
    changes, words = BAD_DATASETS[case]
    refused(lambda: wann_jax.Dataset(**parts(**changes)), words)


def test_a_data_set_is_kept_in_32_bits():
    dataset = wann_jax.Dataset(**parts())
    assert {x.dtype for x in dataset.inputs.values()} == {np.dtype(np.float32)}
    assert {y.dtype for y in dataset.labels.values()} == {np.dtype(np.int32)}


def test_damaged_npz_files_are_refused(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=X, y=Y)
    whole = path.read_bytes()
    single = tmp_path / "single.npy"
    np.save(single, X)
    for content in (b"", whole[:60], whole[:-30], whole[:90] + b"?" + whole[91:], single.read_bytes()):
        path.write_bytes(content)
        refused(lambda: datasets.load_path(str(path)), path, "cannot be read as an .npz file")
    missing = tmp_path / "none"
    refused(lambda: datasets.load_path(str(missing)), "must be an IDX directory or an .npz file", missing)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_DIR_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(datasets.MNIST_DIR_VARIABLE, raising=False)
    return tmp_path / "cache" / "mnist"


@pytest.mark.parametrize("trouble", [OSError("no network"), ValueError("no such page"), None])
def test_an_impossible_download_says_what_to_do(cache, tmp_path, monkeypatch, trouble):
    def retrieve(*args, **kwargs):
        if trouble is not None:
            raise trouble
        other = tmp_path / "other.gz"  # a page that is no MNIST file
        other.write_bytes(PACKED)
        return str(other)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    refused(datasets.load_mnist, "cannot be downloaded", "four IDX files", "--data-dir", "$WANN_MNIST_DIR")
    assert not (cache / NAMES[0]).exists()


def test_the_second_mirror_serves_and_the_cache_is_used_again(cache, tiny_mnist, monkeypatch):
    _, arrays = tiny_mnist
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append(url)
        if url.startswith(datasets.MNIST_URLS[0]):
            raise OSError("down")
        packed = Path(path) / fname
        packed.parent.mkdir(parents=True, exist_ok=True)
        packed.write_bytes(gzip.compress(idx_bytes(arrays[fname.removesuffix(".gz")])))
        return str(packed)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    first = datasets.load_mnist()
    assert asked == [f"{mirror}{name}.gz" for name in NAMES for mirror in datasets.MNIST_URLS]
    assert first.labels["train"].tolist() == arrays[NAMES[1]].tolist()[:12]
    assert sorted(path.name for path in cache.iterdir()) == sorted(NAMES)
    second = datasets.load_mnist()
    assert len(asked) == 8
    np.testing.assert_array_equal(first.inputs["train"], second.inputs["train"])


def test_a_bad_download_is_removed_and_the_next_mirror_tried(cache, tiny_mnist, monkeypatch):
    """pooch takes a file that is there already, without a look at it: the bad one must be gone."""
    _, arrays = tiny_mnist
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append(url)
        packed = Path(path) / fname
        packed.parent.mkdir(parents=True, exist_ok=True)
        if not packed.exists():
            good = gzip.compress(idx_bytes(arrays[fname.removesuffix(".gz")]))
            is_first = url.startswith(datasets.MNIST_URLS[0])
            packed.write_bytes(good[:-20] if is_first else good)
        return str(packed)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    cache.mkdir(parents=True)
    (cache / f"{NAMES[0]}.gz").write_bytes(b"left by an earlier version")
    first = datasets.load_mnist()
    assert asked == [f"{mirror}{name}.gz" for name in NAMES for mirror in datasets.MNIST_URLS]
    assert first.labels["test"].tolist() == arrays[NAMES[3]].tolist()
    assert sorted(path.name for path in cache.iterdir()) == sorted(NAMES)


class Mirrors(http.server.BaseHTTPRequestHandler):
    """Serves what `files` has under a path, as it is; anything else is not found."""

    files: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        content = self.files.get(self.path)
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *args):
        pass


@pytest.fixture
def mirrors(monkeypatch):
    """A server on this machine that stands for three mirrors; what it serves and was asked for."""
    monkeypatch.setattr(Mirrors, "files", {})
    monkeypatch.setattr(Mirrors, "asked", [])
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirrors) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        places = [f"http://127.0.0.1:{server.server_port}/{mirror}/" for mirror in range(3)]
        monkeypatch.setattr(datasets, "MNIST_URLS", places)
        yield Mirrors
        server.shutdown()
        thread.join()


def test_whatever_mirrors_send_and_caches_hold_only_the_files_of_these_hashes_are_taken(cache, tiny_mnist, mirrors):
    _, arrays = tiny_mnist
    packed = {name: gzip.compress(idx_bytes(array)) for name, array in arrays.items()}
    other = gzip.compress(idx_bytes(arrays[NAMES[0]] // 2))  # sound, and not MNIST
    bad = [other, packed[NAMES[1]][:-9], packed[NAMES[2]][::-1]]  # and for the last name nothing
    mirrors.files |= {f"/0/{name}.gz": content for name, content in zip(NAMES, bad, strict=False)}
    mirrors.files |= {f"/1/{name}.gz": b"<html>moved</html>" for name in NAMES}
    mirrors.files |= {f"/2/{name}.gz": content for name, content in packed.items()}
    wanted = datasets.load_mnist()
    assert wanted.labels["test"].tolist() == arrays[NAMES[3]].tolist()
    assert mirrors.asked == [f"/{mirror}/{name}.gz" for name in NAMES for mirror in range(3)]
    (cache / NAMES[0]).write_bytes(idx_bytes(arrays[NAMES[0]] // 2))
    (cache / NAMES[1]).write_bytes(b"")
    mirrors.asked.clear()
    again = datasets.load_mnist()
    assert mirrors.asked == [f"/{mirror}/{name}.gz" for name in NAMES[:2] for mirror in range(3)]
    np.testing.assert_array_equal(again.inputs["train"], wanted.inputs["train"])
    assert sorted(path.name for path in cache.iterdir()) == sorted(NAMES)


def test_downloads_are_over_https():
    assert len(datasets.MNIST_URLS) >= 2
    assert all(url.startswith("https://") for url in datasets.MNIST_URLS)


def test_a_cache_that_cannot_be_is_no_traceback(tmp_path, monkeypatch, tiny_mnist, mirrors):
    _, arrays = tiny_mnist
    mirrors.files |= {f"/0/{name}.gz": gzip.compress(idx_bytes(array)) for name, array in arrays.items()}
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(CACHE_DIR_VARIABLE, str(tmp_path / "file"))
    monkeypatch.delenv(datasets.MNIST_DIR_VARIABLE, raising=False)
    refused(datasets.load_mnist, "MNIST cannot be downloaded")
