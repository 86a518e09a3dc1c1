"""What a search takes of memory, before anything is compiled.

In: the settings and the sizes of genomes. Out: bytes, or one ConfigError with the figure.
"""

import jax

from wann_jax.errors import require
from wann_jax.evolution.config import SearchConfig
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.genomes.population import initial_population
from wann_jax.kernels.memory import GIB, total_bytes

# A generation's program takes so many times what its genomes do: those that go in, their children, networks and what
# ranking and breeding hold (XLA's own analysis of swing-up and digits, 1,024 and 16,384 individuals: 2.8 to 3.2).
COPIES_IN_PROGRAM = 3.2
COPIES_ON_DEVICE = 1.0  # the last state, for a checkpoint
COPIES_ON_HOST = 2.1  # its making and a checkpoint's writing
# Of Python, JAX and the compiler. So the peaks of xor and digits in benchmarks/SCALING.md, and of swing-up, are met
# within 27 %, from 1,024 to 65,536 individuals; those of five whole commands that it was not fitted to, within 13 %.
PROCESS = 0.8 * GIB


def memory_of(config: SearchConfig, spec: GenomeSpec) -> int:
    """Bytes of the population and all that is done with it; the task's own data and episodes come on top."""
    genome = jax.eval_shape(lambda: initial_population(jax.random.key(0), spec, 1, 0.5))
    each = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(genome))
    copies, besides = COPIES_IN_PROGRAM + COPIES_ON_DEVICE, 0.0
    if jax.default_backend() == "cpu":  # device and host have the same memory
        copies, besides = copies + COPIES_ON_HOST, PROCESS
    return int(config.population_size * each * copies + besides)


def check_memory(config: SearchConfig, spec: GenomeSpec) -> None:
    """Raises ConfigError if a population of such genomes does not fit where programs run."""
    wanted, there = memory_of(config, spec), total_bytes()
    rule = (
        f"smaller for genomes with room for {spec.max_connections} connections: it would take {wanted / GIB:.3g} GiB "
    )
    rule += f"of {there / GIB:.3g}"
    require(not there or wanted <= there, "search.population_size", rule, config.population_size)
