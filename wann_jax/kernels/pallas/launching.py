"""How the Pallas kernels are started: through Triton, which JAX has deprecated since 0.11 in favour of Mosaic GPU."""

from collections.abc import Callable
from typing import Any

from jax.experimental import pallas as pl

LANES = 32  # of a tile: one warp, a lane for each thread, which so never reads what another has written
INTERPRET = False  # tests set it


def launch(kernel: Callable[..., None], num_programs: int, results: Any, arguments: Any) -> Any:
    """One launch of so many programs of one warp. Arguments and results are whole arrays, in the GPU's memory."""
    from jax.experimental.pallas import triton  # not every platform's jaxlib has it

    parameters = triton.CompilerParams(num_warps=1, num_stages=1)
    call = pl.pallas_call(kernel, results, grid=(num_programs,), compiler_params=parameters, interpret=INTERPRET)
    return call(*arguments)
