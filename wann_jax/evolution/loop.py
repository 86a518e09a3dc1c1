"""The host's loop around the search: from a task and a seed to a champion, some generations for each dispatch.

In: a task, a `SearchConfig`, a seed. Out: a `SearchResult`; or `Dispatch`es, one after another.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wann_jax import native
from wann_jax.devices import agreed, check_devices, on_devices, place_everywhere, placed, taken_home
from wann_jax.errors import require
from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.generation import (
    MAX_GENERATIONS_PER_DISPATCH,
    SearchState,
    homes_of,
    init,
    run_generations,
)
from wann_jax.evolution.limits import check_memory
from wann_jax.evolution.metrics import GenerationMetrics
from wann_jax.evolution.objectives import Objectives, check_objectives
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.genomes.genome import (
    AT_ANY_DEPTH,
    AT_EVEN_DEPTHS,
    MIN_HIDDEN_CAPACITY,
    OUTPUT_LAYER,
    Genome,
    GenomeSpec,
    grow,
)
from wann_jax.genomes.population import BREED, adopted, with_room
from wann_jax.kernels.choosing import check_choice
from wann_jax.networks.compiling import EXPRESS, express
from wann_jax.networks.network import Network
from wann_jax.showing import html_of, shown_by
from wann_jax.strictness import in_32_bits
from wann_jax.tasks.base import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Adopted genomes have the marks above it.
MARK_LIMIT = 2**31 - OUTPUT_LAYER
SECONDS_PER_DISPATCH = 1.0  # how often the host looks at metrics


class Dispatch(NamedTuple):
    """What the host sees after each dispatch."""

    state: SearchState  # valid until the next dispatch, which reuses its memory
    metrics: GenerationMetrics  # [G] of NumPy arrays, the generations just done
    seconds: float
    compiled: bool  # the time includes a compilation

    def rows(self) -> list[dict[str, Any]]:
        """One for each generation: its metrics by name, and its part of the time."""
        columns = {field.name: getattr(self.metrics, field.name) for field in dataclasses.fields(self.metrics)}
        count = len(self.metrics.generation)
        seconds = round(self.seconds / count, 6)
        return [
            {name: column[index].item() for name, column in columns.items()} | {"seconds": seconds}
            for index in range(count)
        ]


def spec_of(task: Task, config: SearchConfig) -> GenomeSpec:
    """The spec of a search's first genomes. Raises ConfigError where the settings do not suit the task."""
    # A class is all that counts: it is the same under every weight.
    enough = not config.graded_depth or task.score_name != "accuracy" or len(config.shared_weights) == 1
    rule = "one number: graded classifiers give the same classes under all"
    require(enough, "search.shared_weights", rule, config.shared_weights)
    check_objectives(config, task)
    chosen = tuple(sorted({ACTIVATION_IDS[name] for name in config.activations}))
    fit = not config.graded_depth or {*chosen} <= {*AT_ANY_DEPTH, *AT_EVEN_DEPTHS}
    require(fit, "search.activations", "of linear, inverse, abs and relu in a graded search", config.activations)
    sizes = (task.num_inputs, task.num_outputs, chosen or task.hidden_activations, MIN_HIDDEN_CAPACITY)
    is_ordered = config.crossover_probability > 0
    return GenomeSpec.for_task(*sizes, is_ordered=is_ordered, graded_depth=config.graded_depth)


@in_32_bits
def start(task: Task, config: SearchConfig, seed: int, initial: Genome | None = None) -> SearchState:
    """A checked fresh state. The first generation: random, or copies of `initial`. Raises ConfigError."""
    config.check()
    check_choice()
    require(0 <= seed < 2**63, "seed", "between 0 and 2**63 - 1", seed)
    spec = spec_of(task, config)
    check_memory(config, spec)
    native.compile_together(BREED, EXPRESS)  # every search needs them
    if initial is None:
        return init(jax.random.key(seed), config, spec)
    genome = with_room(adopted(initial, spec), config.max_changes, spec)
    state = init(jax.random.key(seed), config, genome.spec)
    copies = jax.tree.map(lambda table: jnp.repeat(table[None], config.population_size, axis=0), genome)
    return state.replace(genomes=copies, champion=genome)


def dispatches(
    task: Task,
    config: SearchConfig,
    state: SearchState,
    interval: int | None = None,
    objectives: Objectives | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Iterator[Dispatch]:
    """Runs the search to `config.generations`, growing tables when needed; yields after every dispatch.

    With `interval`, a dispatch ends at every multiple of so many generations. Results do not depend on it, nor on the
    devices. Where these belong to several processes, all of them call this alike.
    """
    check_choice()
    devices = check_devices(devices)
    marks = int(state.next_mark) + (config.generations - int(state.generation)) * config.marks_per_generation
    require(marks < MARK_LIMIT, "historical marks of generations * population_size * max_changes", "below 2**31", marks)
    compiled_spec: GenomeSpec | None = None
    told = False  # of generations without finite returns
    count, pace = 1, None  # pace: seconds for each generation, once one has run without compiling
    while (done := int(state.generation)) < config.generations:
        genomes = with_room(state.genomes, config.max_changes)
        if genomes.spec != compiled_spec:
            check_memory(config, genomes.spec)
        state = state.replace(genomes=genomes, champion=grow(state.champion, genomes.spec))
        began = time.perf_counter()
        count = min(count, config.generations - done, interval - done % interval if interval else count)
        with on_devices(devices):
            task, number = place_everywhere((task, jnp.int32(agreed(count))))
            state = placed(state, homes_of(state))
            state, history = run_generations(config, state, task, number, objectives, devices)
        history = jax.device_get(history)
        seconds, compiled = time.perf_counter() - began, genomes.spec != compiled_spec
        compiled_spec = genomes.spec
        num_done = int(state.generation) - done
        metrics = _first_rows(history, num_done)
        told = told or _tell_of_nothing_finite(task, config, metrics)
        yield Dispatch(state, metrics, seconds, compiled)
        if not compiled:
            pace = seconds / num_done
        count = 1 if pace is None else int(np.clip(SECONDS_PER_DISPATCH / pace, 1, MAX_GENERATIONS_PER_DISPATCH))


class SearchResult(NamedTuple):
    """What a search found."""

    champion: Genome
    champion_score: float  # mean over weights, by the judgement on held-out data or episodes
    network: Network  # the champion, compiled
    history: GenerationMetrics  # [G] of NumPy arrays
    state: SearchState
    task_name: str = ""  # which knows what inputs and outputs are called

    def __repr__(self) -> str:
        size = f"{int(self.champion.num_enabled)} connections"
        return f"SearchResult(champion_score={self.champion_score:.4g}, champion of {size})"

    def plot(self) -> "Figure":
        """Learning curves, as a figure of matplotlib's: best, median and champion, and connections."""
        figure: Figure = shown_by("plot_search")(self.history)
        return figure

    def _repr_html_(self) -> str:
        """For a notebook."""
        return html_of(self)


@in_32_bits
def search(
    task: Task,
    config: SearchConfig,
    seed: int = 0,
    on_dispatch: Callable[[Dispatch], None] = lambda dispatch: None,
    initial: Genome | None = None,
    objectives: Objectives | None = None,
    progress: bool = False,
    devices: Sequence[jax.Device] | None = None,
) -> SearchResult:
    """Evolves a population and returns its champion.

    Args:
        task: what the networks are for.
        config: the settings; `SearchConfig.preset` has some by name.
        seed: same seed, same result, whatever the number of devices.
        on_dispatch: called every second or so with what has been done since.
        initial: what the first generation has copies of, instead of random genomes (see `load_genome`).
        objectives: what generations are ranked on, instead of the settings' objectives by name; a function
            that JAX can compile (see evolution/objectives.py).
        progress: whether to show how far it is: a bar on a terminal, elsewhere a line every ten seconds.
        devices: of JAX's, where the population is evaluated; by default all, those of other processes too, which then
            call this with the same arguments (after jax.distributed.initialize).

    Returns:
        The champion, its score and compiled network, the metrics of every generation, the last state.

    Raises:
        ConfigError: for a setting that breaks a rule, before anything is compiled.

    Source: Gaier & Ha 2019, section 3; what differs from the original stands in wann_jax/ARCHITECTURE.md.
    """
    from wann_jax.evolution.progress import SearchProgress  # here: it knows dispatches

    state = start(task, config, seed, initial)
    rows = []
    with SearchProgress(config.generations, task.work_unit, is_on=progress) as shown:
        for dispatch in dispatches(task, config, state, objectives=objectives, devices=devices):
            state = dispatch.state
            rows.append(dispatch.metrics)
            shown.update(dispatch)
            on_dispatch(dispatch)
    state = taken_home(state)
    return SearchResult(
        champion=state.champion,
        champion_score=float(state.champion_score),
        network=_compile_network(state.champion),
        history=jax.tree.map(lambda *parts: np.concatenate(parts), *rows),
        state=state,
        task_name=task.name,
    )


def _tell_of_nothing_finite(task: Task, config: SearchConfig, metrics: GenerationMetrics) -> bool:
    """Says so, in one line, if there is a generation without any finite return; gives whether there is."""
    is_empty = metrics.num_non_finite == config.population_size * len(config.shared_weights)
    if is_empty.any():
        words = f"every return of task {task.name!r} in generation {metrics.generation[is_empty][0]} is NaN or infinite"
        native.tell(f"{words}: such generations have nothing to choose by")
    return bool(is_empty.any())


def _first_rows(history: GenerationMetrics, count: int) -> GenerationMetrics:
    return jax.tree.map(lambda rows: rows[:count], history)


_compile_network = jax.jit(express)
