"""What does not fit into memory is refused with the figure, before anything is made or compiled."""

import dataclasses
import os

import jax
import pytest

import wann_jax as wann
from wann_jax.evolution import limits, loop
from wann_jax.evolution.generation import init
from wann_jax.kernels import memory

TASK = wann.make_task("digits")
CONFIG = wann.SearchConfig.preset("digits", "quick")
GIB = 2**30


def test_the_estimate_counts_the_genomes():
    """Measured on one CPU device: digits, 65,536 individuals 3.98 GiB, 16,384 1.52; swing-up, 65,536 1.50."""
    spec = loop.spec_of(TASK, CONFIG)
    state = jax.eval_shape(lambda: init(jax.random.key(0), CONFIG, spec))
    each = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state.genomes)) // CONFIG.population_size
    for size in (16_384, 65_536):
        found = limits.memory_of(dataclasses.replace(CONFIG, population_size=size), spec)
        copies, besides = (6.3, 0.8 * GIB) if jax.default_backend() == "cpu" else (4.2, 0.0)
        assert found == pytest.approx(copies * size * each + besides, rel=1e-6)
    assert each == 8722


@pytest.mark.parametrize("size", [10**6, 2**31 - 1])
def test_a_population_that_does_not_fit_is_refused_with_the_figure(monkeypatch, size):
    monkeypatch.setattr(limits, "total_bytes", lambda: 8 * GIB)
    monkeypatch.setattr(loop, "init", lambda *args: pytest.fail("made"))
    config = dataclasses.replace(CONFIG, population_size=size)
    with pytest.raises(wann.ConfigError) as error:
        loop.start(TASK, config, 0)
    spec = loop.spec_of(TASK, config)
    figure = f"{limits.memory_of(config, spec) / GIB:.3g} GiB of 8"
    rule = f"smaller for genomes with room for {spec.max_connections} connections: it would take {figure}"
    assert str(error.value) == f"search.population_size must be {rule}; got {size}"
    limits.check_memory(dataclasses.replace(config, population_size=100_000), spec)


def test_genomes_that_have_grown_out_of_memory_end_a_search_in_one_line(monkeypatch):
    state = loop.start(TASK, CONFIG, 0)
    monkeypatch.setattr(limits, "total_bytes", lambda: 2**20)
    with pytest.raises(wann.ConfigError, match=r"search\.population_size must be smaller for genomes with room for"):
        next(loop.dispatches(TASK, CONFIG, state))


def test_a_containers_limit_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "CGROUP_LIMITS", (str(tmp_path / "memory.max"), str(tmp_path / "none")))
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for text, wanted in (("max\n", whole), (f"{2**28}\n", 2**28)):
        (tmp_path / "memory.max").write_text(text)
        assert memory.total_bytes() == wanted


def test_so_many_changes_are_refused():
    with pytest.raises(wann.ConfigError, match=r"search\.max_changes must be at most 64: .*; got 1000"):
        dataclasses.replace(CONFIG, max_changes=1000).check()


def test_whole_numbers_are_probabilities_too():
    config = dataclasses.replace(CONFIG, crossover_probability=0, population_size=24, champion_candidates=3)
    jax.eval_shape(lambda: wann.tell(config, loop.start(TASK, config, 0), jax.numpy.zeros((24, 6))))


def test_numbers_beyond_32_bits_are_refused():
    with pytest.raises(wann.ConfigError, match=r"search\.weight_jitter must be a number of 32 bits; got 1e\+300"):
        dataclasses.replace(CONFIG, weight_jitter=1e300).check()
