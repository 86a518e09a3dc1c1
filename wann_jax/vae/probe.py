"""What the means tell of the road: a linear probe.

In: means of codes, and what is true of the frames. Out: R2 of each truth on tracks that the probe was not fitted to.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

FOLDS = 2


def probe_r2(
    means: Float[np.ndarray, "N Z"],
    truth: Float[np.ndarray, "N C"],
    track: Int[np.ndarray, "N"],
    used: Bool[np.ndarray, "N"],
) -> Float[np.ndarray, "C"]:
    """Share of each column's variance that least squares explains, over the `used` frames.

    The tracks are parted into two; each part is predicted by a fit to the other.
    """
    inputs = np.column_stack([means, np.ones(len(means))]).astype(np.float64)
    errors = []
    for fold in range(FOLDS):
        judged = used & (track % FOLDS == fold)
        weights = np.linalg.lstsq(inputs[used & ~judged], truth[used & ~judged].astype(np.float64))[0]
        errors.append(truth[judged] - inputs[judged] @ weights)
    return 1.0 - np.square(np.concatenate(errors)).mean(0) / truth[used].astype(np.float64).var(0)
