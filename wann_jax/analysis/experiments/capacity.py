"""How much of random labels a network has learnt by heart.

In: accuracies on so many images with random labels. Out: labels, bits.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

FITTED = 0.99  # accuracy at which labels count as fitted


def stored_bits(accuracy: float, images: int, num_classes: int = 10) -> float:
    """What is known of so many uniform labels when a guess at each is right so often: their mutual information."""
    if accuracy <= 1.0 / num_classes:
        return 0.0
    wrong = 1.0 - accuracy
    doubt = -accuracy * np.log2(accuracy) - (wrong * np.log2(wrong / (num_classes - 1)) if wrong > 0 else 0.0)
    return float(images * (np.log2(num_classes) - doubt))


def most_fitted(rows: Sequence[tuple[int, float]]) -> float:
    """The number of labels at which accuracy falls below FITTED, between two numbers by their logarithms; 0 if at once.

    If it never does, the largest number.
    """
    rows = sorted(rows)
    above = next((index for index, (_, accuracy) in enumerate(rows) if accuracy < FITTED), len(rows))
    if above in (0, len(rows)):
        return float(rows[-1][0]) if above else 0.0
    (low, high), (good, bad) = zip(*rows[above - 1 : above + 1], strict=True)
    return float(low * (high / low) ** ((good - FITTED) / (good - bad)))


def capacities(fitted: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By arm and size: labels fitted, and the most bits stored at any number of images, for each seed."""
    found = []
    for arm, size in dict.fromkeys((row["arm"], row["size"]) for row in fitted):
        rows = [row for row in fitted if (row["arm"], row["size"]) == (arm, size)]
        by_seed = list(zip(*[row["own"] for row in rows], strict=True))
        images = [row["images"] for row in rows]
        labels = [most_fitted(list(zip(images, own, strict=True))) for own in by_seed]
        bits = [max(map(stored_bits, own, images)) for own in by_seed]
        found.append({"arm": arm, "size": size, "labels": labels, "bits": bits})
    return found
