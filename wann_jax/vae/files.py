"""Encoders and decoders in files (.npz), and those that come with the package.

In: a path or a name. Out: parameters, in float32. A file holds them in float16, by their path ("mean/kernel"), and a
header in JSON. Whatever is wrong with a file raises DataError, in one line that names it.
"""

import io
import json
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from wann_jax.errors import DataError, require
from wann_jax.files import MOST_DATA_BYTES, StrPath, npz_arrays, strict_json
from wann_jax.vae.model import Params, init_params

FORMAT, VERSION = "wann_jax.vae", 1
HEADER = "header"
PARTS = ("encoder", "decoder")
TRAINED = Path(__file__).with_name("trained")
DEFAULT_NAME = "laptop"
_MAX_WIDTH = 1024


def load_encoder(path: StrPath = DEFAULT_NAME) -> Params:
    """An encoder from a file, or by the name of one that comes with the package. Raises DataError."""
    return _load(path, "encoder")[0]


def load_decoder(path: StrPath = DEFAULT_NAME) -> Params:
    """A decoder; see `load_encoder`."""
    return _load(path, "decoder")[0]


def load_info(path: StrPath = DEFAULT_NAME, part: str = "encoder") -> dict[str, Any]:
    """What a file says of how it was made. Raises DataError."""
    return _load(path, part)[1]


def trained_names() -> list[str]:
    """Names of the encoders that come with the package."""
    return sorted(path.name.removesuffix("-encoder.npz") for path in TRAINED.glob("*-encoder.npz"))


def save_part(path: Path, part: str, params: Params, info: dict[str, Any], dtype: Any = np.float16) -> None:
    """Writes one part; the file appears whole or not at all. Raises DataError if a number does not fit `dtype`."""
    arrays = {"/".join(keys): np.asarray(leaf).astype(dtype) for keys, leaf in flatten_dict(params).items()}
    finite = all(np.isfinite(array).all() for array in arrays.values())
    require(finite, f"{part}: parameters", f"finite in {np.dtype(dtype)}", "others", DataError)
    header = {"format": FORMAT, "version": VERSION, "part": part, "info": info}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{HEADER: np.array(strict_json(header))}, **arrays)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(buffer.getvalue())
    partial.replace(path)


def _file_of(path: StrPath, part: str) -> Path:
    source = Path(os.path.expanduser(path))
    if not source.exists() and str(path) in trained_names():
        return TRAINED / f"{path}-{part}.npz"
    return source / f"{part}.npz" if source.is_dir() else source


def _load(path: StrPath, part: str) -> tuple[Params, dict[str, Any]]:
    source = _file_of(path, part)
    name = f"{part} file {str(source)!r}"
    try:
        arrays = npz_arrays(source, MOST_DATA_BYTES, list)
        header = json.loads(str(arrays.pop(HEADER)))
        found = (header["format"], header["version"], header["part"])
        info = dict(header["info"])
    except FileNotFoundError:
        names = ", ".join(trained_names())
        raise DataError(f"{name} is not there; a file of wann train-vae is wanted, or one of: {names}") from None
    except DataError:
        raise
    except Exception as error:  # damage makes zipfile, NumPy and the parsers raise anything
        text = " ".join(str(error).split())[:120]
        raise DataError(f"{name} must be a file of wann train-vae; got {type(error).__name__}: {text}") from None
    require(
        found == (FORMAT, VERSION, part),
        f"{name}: format, version, part",
        str((FORMAT, VERSION, part)),
        found,
        DataError,
    )
    return _checked(name, part, arrays), info


def _checked(name: str, part: str, arrays: dict[str, np.ndarray]) -> Params:
    """The parameters, if they are those of a network of ours of some width."""
    try:
        width = arrays["kernel0"].shape[-1] if part == "encoder" else arrays["kernel2"].shape[-2]
        latents = arrays["mean/bias" if part == "encoder" else "dense/kernel"].shape[0]
    except (KeyError, IndexError):
        raise DataError(f"{name} must hold the layers of a VAE; got {', '.join(sorted(arrays)[:4])}") from None
    fits = 1 <= width <= _MAX_WIDTH and 1 <= latents <= _MAX_WIDTH
    require(fits, f"{name}: width and latents", f"between 1 and {_MAX_WIDTH}", (width, latents), DataError)
    shapes = jax.eval_shape(lambda: init_params(jax.random.key(0), width, width, latents))[part]
    wanted = {"/".join(keys): leaf.shape for keys, leaf in flatten_dict(shapes).items()}
    for key in sorted({*wanted, *arrays}):
        found = arrays[key].shape if key in arrays else None
        require(found == wanted.get(key), f"{name}: {key}", f"of shape {wanted.get(key)}", found, DataError)
        array = arrays[key]
        numbers = array.dtype.kind == "f" and bool(np.isfinite(array).all())
        require(numbers, f"{name}: {key}", "finite numbers", str(array.dtype), DataError)
    return unflatten_dict({tuple(key.split("/")): array.astype(np.float32) for key, array in arrays.items()})
