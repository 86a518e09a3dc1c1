"""The search as a whole: determinism, exactness of cuts, growth, compile counts, ask/tell, the champion."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from jax._src import monitoring

import wann_jax as wann
from tests.helpers import assert_same, individuals
from wann_jax.evolution import generation as search
from wann_jax.evolution import loop
from wann_jax.genomes import population
from wann_jax.genomes.graph import invariant_violations
from wann_jax.tasks.base import Evaluation

TASK = wann.make_task("xor")
CONFIG = wann.SearchConfig.preset("xor", "quick", population_size=24, generations=6, champion_candidates=3)


def run(config=CONFIG, seed=3, cuts=None, task=TASK, initial=None):
    """All metrics and the last dispatch; `cuts` bounds the generations of a dispatch."""
    state = loop.start(task, config, seed, initial)
    seen = list(loop.dispatches(task, config, state, cuts))
    history = jax.tree.map(lambda *parts: np.concatenate(parts), *(dispatch.metrics for dispatch in seen))
    return history, seen[-1]


@pytest.fixture(scope="module")
def reference():
    return run()


def test_same_seed_same_run_however_it_is_cut(reference):
    history, last = reference
    for cuts in (1, 4):
        again, last_again = run(cuts=cuts)
        assert_same(history, again)
        assert_same(last.state, last_again.state)


def test_another_seed_is_another_run(reference):
    history, _ = reference
    other, _ = run(seed=4)
    assert not np.array_equal(history.return_mean, other.return_mean)


def test_history_has_a_row_for_each_generation(reference):
    history, last = reference
    assert history.generation.tolist() == list(range(6))
    assert int(last.state.generation) == 6
    assert (history.return_max >= history.return_median).all()
    assert history.work.tolist() == [24 * 6] * 6  # population x weights x episodes
    assert history.num_non_finite.tolist() == [0] * 6


def test_genomes_stay_sound_and_grow(reference):
    _, last = reference
    for index in range(CONFIG.population_size):
        genome = jax.tree.map(lambda table, index=index: table[index], last.state.genomes)
        assert invariant_violations(genome) == []
    assert int(last.state.genomes.num_nodes.max()) > last.state.genomes.spec.num_fixed


def test_rates_and_generation_counts_do_not_compile_again(reference):
    compiled = []
    monitoring.register_event_duration_secs_listener(
        lambda name, seconds, **rest: compiled.append(name) if name.endswith("backend_compile_duration") else None
    )
    run()  # whatever else needs compiling (init, small host operations)
    compiled.clear()
    changed = dataclasses.replace(CONFIG, add_node_rate=0.9, simplicity_probability=0.1, generations=5)
    run(config=changed)
    assert compiled == []


def test_one_program_for_each_bucket(monkeypatch):
    """With buckets of two hidden nodes, a run that grows compiles once per bucket, and grows exactly when needed."""
    monkeypatch.setattr(population, "MIN_HIDDEN_CAPACITY", 2)
    monkeypatch.setattr(loop, "MIN_HIDDEN_CAPACITY", 2)
    config = dataclasses.replace(CONFIG, generations=8, add_node_rate=5.0)
    state = loop.start(TASK, config, 0)
    assert state.genomes.spec.max_hidden == 2
    before = search.run_generations._cache_size()
    seen = list(loop.dispatches(TASK, config, state))
    specs = list(dict.fromkeys(dispatch.state.genomes.spec for dispatch in seen))
    assert [bucket.max_hidden for bucket in specs] == [2, 4, 8, 16][: len(specs)]
    assert len(specs) >= 2
    assert [dispatch.compiled for dispatch in seen].count(True) == len(specs)
    # The first call of a bucket and the later ones differ in how their arguments are placed: at most two entries
    # of the call cache for one compiled program.
    assert search.run_generations._cache_size() - before <= 2 * len(specs)
    assert all(int(dispatch.metrics.num_overflows.sum()) == 0 for dispatch in seen)


def test_growing_changes_no_result(reference, monkeypatch):
    monkeypatch.setattr(population, "MIN_HIDDEN_CAPACITY", 64)
    monkeypatch.setattr(loop, "MIN_HIDDEN_CAPACITY", 64)
    history, _ = run()
    assert_same(reference[0], history)


@pytest.mark.parametrize("crossover", [0.0, 0.5])
def test_a_search_goes_on_from_a_given_network(crossover):
    config = dataclasses.replace(CONFIG, crossover_probability=crossover, max_changes=2)
    given = wann.load_genome("xor")
    returns = wann.evaluate(TASK, [wann.load_network("xor")], config.shared_weights, episodes=1).mean()
    history, last = run(config, initial=given)
    np.testing.assert_allclose(history.return_mean[0], returns, rtol=1e-6)  # all are copies
    assert history.hidden_mean[0] == given.spec.max_hidden
    assert history.connections_mean[-1] != history.connections_mean[0]
    assert last.state.champion_score >= history.return_mean[0] - 1e-6
    for genome in individuals(last.state.genomes):
        assert invariant_violations(genome) == []


def test_ask_and_tell_by_hand_make_the_same_generations(reference):
    history, _ = reference
    state = loop.start(TASK, CONFIG, 3)
    weights = jnp.asarray(CONFIG.shared_weights)
    ask = jax.jit(wann.ask)
    tell = jax.jit(wann.tell)
    for generation in range(3):
        networks = ask(state)
        returns = TASK.evaluate(networks, weights, search._generation_key(state, 1), CONFIG.episodes).returns
        state, metrics = tell(CONFIG, state, returns)
        assert float(metrics.return_max) == pytest.approx(float(history.return_max[generation]), rel=1e-6)
        assert float(metrics.connections_mean) == float(history.connections_mean[generation])
    assert float(state.champion_score) == pytest.approx(float(history.return_max[:3].max()), rel=1e-6)


class WeightsAsReturns(struct.PyTreeNode):
    """A task on which every network's return under a weight is the weight."""

    num_inputs: int = struct.field(pytree_node=False, default=2)
    num_outputs: int = struct.field(pytree_node=False, default=1)
    hidden_activations: tuple[int, ...] = struct.field(pytree_node=False, default=(1, 5))
    name: str = struct.field(pytree_node=False, default="weights")
    work_unit: str = struct.field(pytree_node=False, default="passes")
    score_name: str = struct.field(pytree_node=False, default="return")

    def evaluate(self, networks, shared_weights, key, episodes):
        num_networks = networks.num_rows.shape[0]
        returns = jnp.broadcast_to(shared_weights, (num_networks, *shared_weights.shape))
        return Evaluation(returns, jnp.zeros(num_networks))

    def score(self, networks, shared_weights, key, episodes, split):
        return self.evaluate(networks, shared_weights, key, episodes).returns[..., None]


def test_jitter_moves_the_weights_of_a_generation_for_all_alike():
    weights, jitter = (-2.0, 0.0, 1.0), 0.25
    config = dataclasses.replace(CONFIG, shared_weights=weights, weight_jitter=jitter, generations=40)
    history, last = run(config=config, task=WeightsAsReturns())
    np.testing.assert_array_equal(history.return_max, history.return_median)  # the same for all individuals
    moved = history.best_weight_return - 1.0
    assert (np.abs(moved) <= jitter).all()
    assert moved.min() < -0.6 * jitter
    assert moved.max() > 0.6 * jitter
    assert len(set(moved.tolist())) == 40
    assert abs(moved.mean()) < 3 * jitter / np.sqrt(3 * 40)
    # Each weight moves on its own, and the champion is judged at the weights themselves.
    assert np.std(history.return_max - (moved - 1.0) / 3.0) > 0.01
    assert float(last.state.champion_score) == pytest.approx(-1.0 / 3.0)


def test_returns_that_are_not_finite_rank_last_and_are_counted():
    state = loop.start(TASK, CONFIG, 0)
    returns = jnp.ones((24, 6)).at[:5].set(jnp.array([jnp.nan, jnp.inf, -jnp.inf, jnp.nan, jnp.nan])[:, None])
    next_state, metrics = jax.jit(wann.tell)(CONFIG, state, returns)
    assert int(metrics.num_non_finite) == 5 * 6
    assert float(metrics.return_max) == 1.0
    assert float(next_state.champion_score) == 1.0


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e12, 1e30])
def test_one_return_that_is_not_finite_is_worse_than_the_worst_honest_ones(scale):
    """Also where all others of the same individual are as good as can be."""
    state = loop.start(TASK, CONFIG, 0)
    honest = jnp.full((24, 6), -scale).at[0].set(scale)
    returns = search.with_floor(honest.at[0, 3].set(jnp.nan))
    assert float(returns.mean(-1)[0]) < -scale
    assert bool(jnp.isfinite(returns.mean(-1)).all())
    np.testing.assert_array_equal(returns[1:], honest[1:])
    if scale <= 1.0:
        assert float(returns[0, 3]) == search.RETURN_FLOOR  # as it always was
    state, metrics = jax.jit(wann.tell)(CONFIG, state, honest.at[0, 3].set(jnp.nan))
    assert float(metrics.return_max) == float(state.champion_score) == pytest.approx(-scale)


class Treacherous(WeightsAsReturns):
    """Honest returns are very low; from some generation on there is nothing but NaN."""

    name: str = struct.field(pytree_node=False, default="treacherous")  # jaxlib 0.10.2 takes equal fields for one class

    def evaluate(self, networks, shared_weights, key, episodes):
        found = super().evaluate(networks, shared_weights, key, episodes)
        return found._replace(returns=found.returns * 0 + jnp.nan)

    def score(self, networks, shared_weights, key, episodes, split):
        size = networks.num_connections.shape[0]
        return jnp.full((size, 6, 1), -1e12).at[1:].set(jnp.nan)


def test_nothing_finite_is_told_once_and_takes_no_champions_place(capsys):
    config = dataclasses.replace(CONFIG, champion_interval=1)
    history, last = run(config=config, task=Treacherous())
    assert (history.num_non_finite == 24 * 6).all()
    assert float(last.state.champion_score) == pytest.approx(-1e12)
    told = (
        "every return of task 'treacherous' in generation 0 is NaN or infinite: "
        "such generations have nothing to choose by"
    )
    assert capsys.readouterr().err == f"{told}\n"


def test_champion_is_judged_on_held_out_scores_and_never_gets_worse():
    config = dataclasses.replace(CONFIG, generations=12, champion_interval=4)
    result = wann.search(TASK, config, seed=1)
    scores = result.history.champion_score
    changes = np.nonzero(np.diff(scores))[0] + 1
    assert set(changes) <= {3, 7, 11}  # generation 0 is judged, then every fourth
    assert (np.diff(scores) >= 0).all()
    fresh = wann.evaluate(TASK, [result.network], config.shared_weights, episodes=1)
    assert fresh.mean() == pytest.approx(result.champion_score, abs=1e-5)


def test_search_finds_what_no_linear_network_can_do():
    """Exclusive or: the champion beats every network without hidden nodes, all of which are tried."""
    inputs, wanted = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]]), np.array([0, 1, 1, 0])
    subsets = [np.array([index & 1, index >> 1 & 1, index >> 2]) for index in range(8)]
    best_linear = max(
        np.mean(
            [1 - np.mean((np.clip(weight * inputs @ subset, 0, 1) - wanted) ** 2) for weight in CONFIG.shared_weights]
        )
        for subset in subsets
    )
    result = wann.search(TASK, dataclasses.replace(CONFIG, generations=60), seed=3)
    assert result.history.return_max[0] <= best_linear + 1e-6
    assert result.champion_score > best_linear + 0.05
    assert result.history.best_hidden[-1] >= 1


def test_marks_stay_unique_when_children_get_fewer_changes():
    many = dataclasses.replace(CONFIG, population_size=12, champion_candidates=2, max_changes=4, add_node_rate=5.0)
    _, before = run(dataclasses.replace(many, generations=8))
    few = dataclasses.replace(many, max_changes=1, generations=24)
    *_, last = loop.dispatches(TASK, few, before.state)
    for genome in individuals(last.state.genomes):
        assert invariant_violations(genome) == []
    assert int(last.state.next_mark) == last.state.genomes.spec.num_fixed + 12 * (8 * 4 + 16)


def test_more_marks_than_numbers_are_refused():
    config = dataclasses.replace(CONFIG, generations=2**30, max_changes=64)
    with pytest.raises(wann.ConfigError, match=r"historical marks of generations .* must be below 2\*\*31; got"):
        next(loop.dispatches(TASK, config, loop.start(TASK, config, 0)))


def fewest_nodes_of_three(key, config, evaluation, genomes):
    """Three objectives, of which only the number of hidden nodes differs between individuals."""
    same = jnp.zeros(config.population_size)
    return jnp.stack([same, -genomes.num_hidden.astype(jnp.float32), same], axis=-1)


def test_objectives_can_be_replaced():
    config = dataclasses.replace(CONFIG, generations=12)
    chosen = wann.search(TASK, config, seed=3, objectives=fewest_nodes_of_three)
    ours = wann.search(TASK, config, seed=3)
    assert chosen.history.hidden_mean[-1] < 0.7 * ours.history.hidden_mean[-1]


def odd_task(parts=None, evaluation=None, scores=None):
    """Gives what it is told to, in place of what fits."""
    fine = Evaluation(jnp.zeros((24, 6)), jnp.zeros(24))

    class OddTask(WeightsAsReturns):
        own: object = struct.field(pytree_node=False, default_factory=object)  # jaxlib 0.10.2, as above

        def evaluate(self, networks, shared_weights, key, episodes):
            return evaluation or fine._replace(**parts or {})

        def score(self, networks, shared_weights, key, episodes, split):
            return jnp.zeros((3, 6, 2)) if scores is None else scores

    return OddTask()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (
            dict(parts={"returns": jnp.zeros(24)}),
            "returns of task 'weights' must be an array of networks x weights, [24, 6]; got [24]",
        ),
        (
            dict(parts={"returns": jnp.zeros((24, 6), complex)}),
            "returns of task 'weights' must be real numbers; got 'complex64'",
        ),
        (
            dict(parts={"returns": jnp.zeros((6, 24))}),
            "returns of task 'weights' must be an array of networks x weights, [24, 6]; got [6, 24]",
        ),
        (
            dict(parts={"work": 3.0}),
            "work of task 'weights' must be an array of networks, [24]; got 'float'",
        ),
        (
            dict(evaluation=(1, 2)),
            "what task 'weights' evaluates to must be an Evaluation; got 'tuple'",
        ),
        (
            dict(scores=jnp.zeros((3, 6))),
            "scores of task 'weights' must be an array of networks x weights x episodes, [3, 6, any]; got [3, 6]",
        ),
    ],
)
def test_a_task_with_wrong_shapes_is_told(given, complaint):
    with pytest.raises(wann.ConfigError) as error:
        wann.search(odd_task(**given), CONFIG)
    assert str(error.value) == complaint


@pytest.mark.parametrize(("points", "found"), [(jnp.zeros(24), "[24]"), (jnp.zeros((2, 24)), "[2, 24]"), (7, "'int'")])
def test_objectives_with_a_wrong_shape_are_told(points, found):
    with pytest.raises(wann.ConfigError) as error:
        wann.search(TASK, CONFIG, objectives=lambda *_: points)
    wanted = f"what objectives give must be an array of individuals x objectives, [24, any]; got {found}"
    assert str(error.value) == wanted


def test_returns_told_by_hand_have_a_row_for_each_network():
    state = loop.start(TASK, CONFIG, 0)
    with pytest.raises(wann.ConfigError) as error:
        wann.tell(CONFIG, state, jnp.zeros((23, 6)))
    assert str(error.value) == "returns must be an array of networks x weights, [24, any]; got [23, 6]"
