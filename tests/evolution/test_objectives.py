"""Objectives by name: against plain loops, and through whole searches."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import wann_jax as wann
from wann_jax.cli import main
from wann_jax.evolution import objectives
from wann_jax.evolution.loop import spec_of
from wann_jax.evolution.objectives import OBJECTIVES, named_objectives
from wann_jax.genomes.activation_ids import INVERSE, RELU
from wann_jax.kernels.losses import CrossEntropy
from wann_jax.networks.layered import Topology, in_layers
from wann_jax.strictness import loose_types
from wann_jax.tasks.base import Evaluation
from wann_jax.tasks.classification import TUNING_BATCH, TUNING_RATE, TUNING_STEPS

CONFIG = wann.SearchConfig(population_size=4, tournament_size=2, champion_candidates=1)
RETURNS = np.asarray([[1.0, 2.0, 3.0], [2.0, 2.0, 2.0], [9.0, -4.0, 0.0], [1.0, 2.0, 3.0]], np.float32)
ENABLED = np.asarray([3, 0, 7, 5])


def genomes_with(enabled):
    """Genomes of which only the number of enabled connections counts."""
    spec = wann.GenomeSpec.for_task(5, 2, (1, 2), 4)
    genomes = wann.init(jax.random.key(0), CONFIG, spec).genomes
    place = np.arange(spec.max_connections)[None]
    is_enabled = jnp.asarray(place < np.asarray(enabled)[:, None])
    return genomes.replace(num_connections=jnp.full(4, 12), conn_enabled=is_enabled)


def points_of(names, cases=None, tuned=None, config=CONFIG):
    evaluation = Evaluation(jnp.asarray(RETURNS), jnp.zeros(4), cases, tuned)
    config = dataclasses.replace(config, objectives=names)
    return np.asarray(named_objectives(jax.random.key(0), config, evaluation, genomes_with(ENABLED)))


def test_those_of_returns_are_what_their_names_say():
    found = points_of(("mean", "best", "worst", "worst-third", "simplicity"))
    np.testing.assert_allclose(
        found.T,
        [RETURNS.mean(1), RETURNS.max(1), RETURNS.min(1), RETURNS.min(1), [-3, -1, -7, -5]],
        rtol=1e-6,
    )


def test_the_worst_third_of_six_weights_are_two():
    returns = jnp.asarray([[6.0, 1.0, 2.0, 5.0, 4.0, 3.0]])
    assert objectives._worst_part(returns).tolist() == [1.5]


def test_the_papers_is_simplicity_or_the_best_weight():
    for probability, wanted in ((1.0, [-3, -1, -7, -5]), (0.0, RETURNS.max(1))):
        config = dataclasses.replace(CONFIG, simplicity_probability=probability)
        np.testing.assert_array_equal(points_of(("mean", "simplicity-or-best"), config=config)[:, 1], wanted)


def test_a_reward_is_divided_among_those_who_earn_it():
    cases = np.asarray([[[1, 1, 0]], [[1, 0, 0]], [[1, 0, 0]], [[1, 0, 1]]], np.float32)  # the first: nobody is ahead
    np.testing.assert_allclose(points_of(("sharing",), jnp.asarray(cases))[:, 0], [1.0, 0.0, 0.0, 1.0])


def test_lexicase_is_that_of_a_plain_loop(monkeypatch):
    random = np.random.default_rng(0)
    cases = random.integers(0, 3, (7, 2, 5)).astype(np.float32)
    monkeypatch.setattr(objectives, "ORDERS", 40)
    found = np.asarray(objectives._lexicase(jax.random.key(0), jnp.asarray(cases)))
    results, wins = cases.reshape(7, 10), np.zeros(7)
    deviations = np.median(np.abs(results - np.median(results, 0)), 0)
    for key in jax.random.split(jax.random.key(0), 40):
        left = list(range(7))
        for case in np.asarray(jax.random.permutation(key, 10)):
            best = max(results[each, case] for each in left)
            left = [each for each in left if results[each, case] >= best - deviations[case]]
        wins[left] += 1 / len(left)
    np.testing.assert_allclose(found, wins, rtol=1e-5)
    assert 1 < np.count_nonzero(found) < 7


def test_rarity_counts_who_has_the_same():
    assert points_of(("rarity",))[:, 0].tolist() == [-3.0, -3.0, -1.0, -3.0]  # means 2, 2, 5/3, 2


def test_what_an_evaluation_lacks_is_told():
    message = r"^search.objectives must be such as need no `cases` where the evaluation has none; got 'sharing'"
    with pytest.raises(wann.ConfigError, match=message):
        points_of(("sharing",))


def test_tuned_returns_are_those_of_steps_taken_one_after_another():
    task = wann.make_task("digits")
    network = wann.load_network("digits")
    networks = wann.stack_networks([network, network])
    weights = jnp.asarray([0.5, -1.0])
    found, work = jax.jit(task.tuned_returns)(networks, weights, jax.random.key(0))
    topology, optimiser = Topology.of(network), optax.adam(TUNING_RATE)
    batch = jax.random.permutation(jax.random.key(0), task.labels["train"].shape[0])[
        : (TUNING_STEPS + 1) * TUNING_BATCH
    ]
    inputs, labels = task.inputs["train"][batch], task.labels["train"][batch]

    def loss(vector, part):
        own = [jax.lax.dynamic_slice_in_dim(each, part * TUNING_BATCH, TUNING_BATCH) for each in (inputs, labels)]
        return CrossEntropy(own[1])(in_layers(topology, vector, own[0])[None])[0]

    step = jax.jit(jax.value_and_grad(loss))
    for weight, tuned in zip(weights, found, strict=True):
        vector = jnp.full(topology.num_connections, weight)
        state = optimiser.init(vector)
        for part in range(TUNING_STEPS):
            gradient = step(vector, part)[1]
            with loose_types():
                updates, state = optimiser.update(gradient, state)
            vector = optax.apply_updates(vector, updates)
        assert -tuned == pytest.approx(float(step(vector, TUNING_STEPS)[0]), rel=1e-3)
    assert work.tolist() == [16.0 * TUNING_BATCH] * 2


def test_a_search_can_be_ranked_on_any_number_of_them():
    names = tuple(name for name in OBJECTIVES if name != "tunability")
    small = dict(population_size=8, generations=2, tournament_size=2, champion_candidates=1, objectives=names)
    result = wann.search(wann.make_task("xor"), wann.SearchConfig(**small))
    assert result.history.work.tolist() == [8 * 6 * 3] * 2
    assert np.isfinite(result.history.return_mean).all()


def test_a_search_can_be_ranked_on_tunability():
    task = wann.make_task("digits", batch_size=50)  # a small spec, which compiles quickly
    small = dict(population_size=8, generations=2, tournament_size=2, champion_candidates=1, episodes=1)
    result = wann.search(task, wann.SearchConfig(**small, shared_weights=(-1.0, 1.0), objectives=("tunability",)))
    assert result.history.work.tolist() == [8 * (2 * 50 + (3 * TUNING_STEPS + 1) * TUNING_BATCH)] * 2


def test_worst_case_search_finds_better_worst_cases():
    task, small = wann.make_task("xor"), dict(population_size=64, generations=40, weight_jitter=0.2)
    worst = {
        names: wann.search(task, wann.SearchConfig.preset("xor", "quick", **small, objectives=names), seed=1)
        for names in (("worst", "mean"), ("best", "simplicity"))
    }
    scores = [float(jnp.min(wann.evaluate(task, [found.network], (-2.0, -1.0, 1.0, 2.0)))) for found in worst.values()]
    assert scores[0] > scores[1]


def test_hidden_nodes_have_the_activations_that_are_chosen():
    config = wann.SearchConfig.preset(
        "xor", "quick", population_size=16, generations=30, activations=("relu", "inverse")
    )
    result = wann.search(wann.make_task("xor"), config)
    genomes = jax.tree.map(np.asarray, result.state.genomes)
    hidden = [
        kinds[genomes.spec.num_fixed : count].tolist()
        for kinds, count in zip(genomes.node_activation, genomes.num_nodes, strict=True)
    ]
    assert {kind for kinds in hidden for kind in kinds} == {RELU, INVERSE}


def test_activations_in_another_order_are_the_same_search():
    specs = [
        spec_of(wann.make_task("xor"), dataclasses.replace(CONFIG, activations=names))
        for names in (("relu", "abs"), ("abs", "relu", "abs"))
    ]
    assert specs[0] == specs[1]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("xor", "--objectives", "mean,simplicty"), "search.objectives: objective must be one of mean, best, "),
        (("xor", "--objectives", "mean,mean"), "search.objectives must be different ones; got ('mean', 'mean')"),
        (("xor", "--objectives", ""), "search.objectives must be one or more of mean, best, "),
        (
            ("xor", "--objectives", "mean,tunability"),
            "search.objectives must be such as task 'xor' can serve (it has no `tuned_returns`); got 'tunability'",
        ),
        (("xor", "--activations", "relu,sine"), "search.activations: activation must be one of linear, step, sin"),
        (
            ("digits", "--graded", "--activations", "relu,tanh"),
            "search.activations must be of linear, inverse, abs and relu in a graded search; got ('relu', 'tanh')",
        ),
        (
            ("digits", "--graded", "--activations", "relu"),
            "genome.hidden_activations must be linear, inverse, abs or relu, and one of the first two, in a graded",
        ),
    ],
)
def test_mistakes_are_one_line(args, line, capsys, tmp_path):
    assert main(["search", *args, "--preset", "quick", "--out", str(tmp_path / "run")]) == 2
    found = capsys.readouterr().err
    assert found.startswith(f"wann: {line}")
    assert found.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_run_keeps_both_and_resumes_with_the_same_activations(capsys, tmp_path):
    run, small = str(tmp_path / "run"), ["--population-size", "16", "--generations", "2", "--champion-candidates", "2"]
    chosen = ["--activations", "abs,inverse", "--objectives", "mean,worst,simplicity"]
    assert main(["search", "xor", "--preset", "quick", *small, *chosen, "--out", run]) == 0
    assert main(["resume", run, "--generations", "3"]) == 0
    capsys.readouterr()
    assert main(["resume", run, "--generations", "4", "--activations", "abs"]) == 2
    wanted = "wann: search.activations must be ('abs', 'inverse'), as before; got ('abs',)\n"
    assert capsys.readouterr().err == wanted


def test_help_tells_every_objective(capsys):
    with pytest.raises(SystemExit):
        main(["search", "xor", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert all(name in told for name in OBJECTIVES)
