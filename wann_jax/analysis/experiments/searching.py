"""Networks that experiments search for: the same for all that ask for them.

In: a task of classification by name, a seed. Out: an evolved genome. A search is not stored in an experiment's file:
the same seed finds the same champion.
"""

from functools import cache

from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.loop import search
from wann_jax.genomes.genome import Genome
from wann_jax.networks.files import load_genome
from wann_jax.tasks.registry import find_spec, make_task

GENERATIONS = 800
CONNECTION_LIMIT = 573  # as the zoo's network of digits


@cache
def evolved(task: str, seed: int, generations: int = GENERATIONS) -> Genome:
    """The champion of a short search with the preset "best"; the zoo's network if generations are 0."""
    if not generations:
        return load_genome(task)
    options = find_spec(task).preset(task, "best").options
    config = SearchConfig.preset(task, "best", generations=generations, connection_limit=CONNECTION_LIMIT)
    return search(make_task(task, **options), config, seed).champion
