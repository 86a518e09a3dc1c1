"""Networks as matrices in the original's format.

In: a model. Out: the text; `networks/matrix.py` tells what its entries mean, and reads them.
"""

from wann_jax.exporting.model import Model
from wann_jax.networks import matrix


def render(model: Model) -> str:
    """The file's text."""
    return matrix.render(model.topology, model.weights)
