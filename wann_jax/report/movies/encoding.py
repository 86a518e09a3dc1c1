"""Moving pictures in files: GIF always, MP4 with the extra `video`.

In: frames of pixels, one after another. Out: a file.
"""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from wann_jax.errors import ConfigError, require

_GIF_COLOURS = 64


def save_movie(path: Path, frames: Iterable[UInt8[np.ndarray, "H W 3"]], milliseconds: int) -> None:
    """Writes frames, so many milliseconds each, in the format that the name ends in.

    H and W are even (MP4). Raises ConfigError for other endings, and for .mp4 without the extra `video`.
    """
    require(path.suffix in (".gif", ".mp4"), "path", "a name that ends in .gif or .mp4", str(path))
    if path.suffix == ".gif":
        pictures = [Image.fromarray(frame).quantize(_GIF_COLOURS) for frame in frames]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)
        return
    try:
        import av
    except ImportError:
        raise ConfigError(f"path must be a .gif without the extra video (pip install '.[video]'); got {path}") from None
    with av.open(str(path), "w") as file:
        stream = None
        for frame in frames:
            if stream is None:
                stream = file.add_stream("libx264", rate=Fraction(1000, milliseconds))
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt = "yuv420p"
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        if stream is not None:
            file.mux(stream.encode(None))
