"""What an ensemble of classifiers is worth, beside one member alone.

In: outputs [k, B, O] of its members, labels. Out: plain numbers.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from wann_jax.analysis.protocol import averaged, disagreement, vote
from wann_jax.kernels.losses import classes_of

LARGEST = 1e30  # of outputs


def figures(outputs: np.ndarray, single: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """What an ensemble with outputs [k, B, O] is worth, beside a single member with outputs [B, O].

    Accuracies; disagreement; images that only the ensemble or only the single member has right (for McNemar's test);
    and squared errors of probabilities, where that of their mean is exactly the members' mean less the ambiguity
    (Krogh & Vedelsby 1995).
    """
    voted, alone = vote(outputs) == labels, np.asarray(classes_of(jnp.asarray(single))) == labels
    members = np.asarray(classes_of(jnp.asarray(outputs))) == labels[None]
    shares = np.asarray(jax.nn.softmax(np.clip(outputs, -LARGEST, LARGEST)))
    truth = np.eye(outputs.shape[-1])[labels]
    return {
        "vote": float(voted.mean()),
        "averaged": float((averaged(outputs) == labels).mean()),
        "member": float(members.mean()),
        "single": float(alone.mean()),
        "disagreement": disagreement(outputs),
        "only_ensemble": int((voted & ~alone).sum()),
        "only_single": int((alone & ~voted).sum()),
        "error_of_members": float(np.square(shares - truth[None]).sum(-1).mean()),
        "ambiguity": float(np.square(shares - shares.mean(0)[None]).sum(-1).mean()),
        "error_of_mean": float(np.square(shares.mean(0) - truth).sum(-1).mean()),
    }


def mcnemar(row: dict[str, Any]) -> float:
    """P of as uneven a split of the images that only one of the two has right, were both equally good."""
    both = row["only_ensemble"] + row["only_single"]
    return float(stats.binomtest(row["only_ensemble"], both).pvalue) if both else 1.0
