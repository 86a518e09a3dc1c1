"""Pictures of what a VAE keeps: frames above, reconstructions below.

In: frames and reconstructions, bytes. Out: a PNG.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

PER_ROW = 12
_MARGIN, _MAGNIFIED = 2, 2


def save_pairs(path: Path, frames: UInt8[np.ndarray, "N 64 64 3"], found: UInt8[np.ndarray, "N 64 64 3"]) -> None:
    """Rows of PER_ROW frames, each row over the row of its reconstructions."""
    count, side = len(frames), frames.shape[1]
    rows = -(-count // PER_ROW)
    height, width = 2 * side + 3 * _MARGIN, side + _MARGIN
    sheet = np.full((rows * height, PER_ROW * width + _MARGIN, 3), 255, np.uint8)
    for index in range(count):
        top, left = index // PER_ROW * height + _MARGIN, index % PER_ROW * width + _MARGIN
        for image in (frames[index], found[index]):
            sheet[top : top + side, left : left + side] = image
            top += side + _MARGIN
    Image.fromarray(np.kron(sheet, np.ones((_MAGNIFIED, _MAGNIFIED, 1), np.uint8))).save(path)
