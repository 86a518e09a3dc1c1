"""Tasks: one contract for all, episodes against a plain loop, losses against NumPy, actions, function tasks."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import PlainGenome, from_plain, random_dag, stack
from tests.oracle import network as oracle
from wann_jax.genomes.activation_ids import ACTIVATION_IDS, STEP
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.networks.layered import Topology
from wann_jax.tasks.actions import Actions

WEIGHTS = jnp.array([-1.0, 0.5, 2.0])
EPISODES = 2
SMOOTH = (1, 4, 5, 6)


def noisy_return(policy, key):
    """The mean output at a random input."""
    return policy(jax.random.normal(key, (5, 3))).mean()


def make(name, folder):
    if name == "function":
        return wann.FunctionTask(noisy_return, num_inputs=3, num_outputs=2)
    if name == "classify":
        random = np.random.default_rng(0)
        np.savez(folder / "data.npz", x=random.random((40, 3)), y=random.permutation(40) % 3)
        return wann.make_task(f"classify:{folder / 'data.npz'}", batch_size=8)
    options = {"xor": {}, "digits": {"batch_size": 16}}
    return wann.make_task(name, **options.get(name, {"max_steps": 20}))


def lenient(name):
    """Gymnax's environments mix dtypes and ranks and reuse keys, which the strict settings of our tests forbid."""
    settings = contextlib.ExitStack()
    if name.startswith("gymnax:"):
        settings.enter_context(jax.numpy_dtype_promotion("standard"))
        settings.enter_context(jax.numpy_rank_promotion("allow"))
        settings.enter_context(jax.debug_key_reuse(False))
    return settings


def plain_genomes(spec, seed, activations=None):
    """Four genomes, from no hidden node to six."""
    ids, density = activations or spec.hidden_activations, min(0.5, 4 / spec.num_inputs)
    return [random_dag(spec, 2 * k, density, seed + k, output_density=0.6, activations=ids) for k in range(4)]


def spec_of(task):
    """Room for six hidden nodes and every connection."""
    num_sources, num_outputs = 1 + task.num_inputs, task.num_outputs
    num_connections = num_sources * (num_outputs + 6) + 6 * num_outputs + 15
    return GenomeSpec(
        task.num_inputs, num_outputs, num_sources + num_outputs + 6, num_connections, task.hidden_activations
    )


def networks_of(spec, plains):
    genomes = stack([from_plain(spec, plain) for plain in plains])
    return jax.jit(jax.vmap(wann.express))(genomes)


GYMNAX = ("gymnax:CartPole-v1", "gymnax:Pendulum-v1", "gymnax:MountainCarContinuous-v0")
CONTRACT = ("xor", "swingup", "biped", "carracing", "digits", "classify", "function", *GYMNAX)


@pytest.mark.parametrize("name", CONTRACT)
def test_contract(name, tmp_path):
    spec, traces = spec_of(make(name, tmp_path)), []

    @jax.jit
    def program(task, genomes, evaluation_key, score_key):
        traces.append(name)
        networks = jax.vmap(wann.express)(genomes)
        returns, work = task.evaluate(networks, WEIGHTS, evaluation_key, EPISODES)[:2]
        return returns, work, task.score(networks, WEIGHTS, score_key, EPISODES, "validation")

    def outcome(genomes, seed):
        task = make(name, tmp_path)  # made anew: the program must know it again
        assert isinstance(task, wann.Task)
        with lenient(name):
            return jax.device_get(program(task, genomes, jax.random.key(seed), jax.random.key(seed + 1)))

    generations = [stack([from_plain(spec, plain) for plain in plain_genomes(spec, seed)]) for seed in (0, 9, 18)]
    outcomes = [outcome(genomes, 5) for genomes in generations]
    assert traces == [name], "one compile over three generations"
    is_classification = make(name, tmp_path).score_name == "accuracy"
    for returns, work, scores in outcomes:
        assert (returns.shape, work.shape) == ((4, 3), (4,))
        assert scores.shape == (4, 3, 1 if is_classification else EPISODES)
        assert np.isfinite(returns).all()
        assert np.isfinite(scores).all()
        assert (work > 0).all()
        assert np.unique(returns).size > 2, "networks and weights make a difference"

    for same, first in zip(outcome(generations[0], 5), outcomes[0], strict=True):
        np.testing.assert_array_equal(same, first)
    other_returns, _, other_scores = outcome(generations[0], 6)
    assert np.array_equal(other_returns, outcomes[0][0]) == (name == "xor")
    assert np.array_equal(other_scores, outcomes[0][2]) == (name == "xor" or is_classification)

    # Halves, each beside a copy of itself: who else is in the population makes no difference.
    for half in ([0, 1], [2, 3]):
        alone = outcome(jax.tree.map(lambda table, half=half: table[np.array(half * 2)], generations[0]), 5)
        for part, whole in zip(alone, outcomes[0], strict=True):
            np.testing.assert_array_equal(part[:2], whole[half])
            np.testing.assert_array_equal(part[2:], whole[half])


def test_halves_of_a_population_give_the_halves_of_its_returns():
    task = wann.make_task("swingup", max_steps=20)
    networks = networks_of(spec_of(task), plain_genomes(spec_of(task), 0))
    rollout = jax.jit(lambda networks: task.rollout(networks, WEIGHTS, jax.random.key(0), EPISODES))
    returns, steps = rollout(networks)
    for half in (slice(0, 2), slice(2, 4)):
        half_returns, half_steps = rollout(jax.tree.map(lambda table, half=half: table[half], networks))
        np.testing.assert_allclose(half_returns, returns[half], rtol=1e-6)
        np.testing.assert_array_equal(half_steps, steps[half])


def plain_action(task, outputs):
    """Discrete: the largest output; box: from [-1, 1] to the action's range, by its bounds."""
    space = task.env.action_space(task.env_params)
    if task.actions.shape is None:
        return int(np.argmax(outputs))
    clipped = np.clip(np.asarray(outputs, np.float64), -1, 1).reshape(space.shape)
    return (space.low + (clipped + 1) / 2 * (np.asarray(space.high, np.float64) - space.low)).astype(np.float32)


def plain_episode(task, step, policy, key, episode, episodes):
    """One episode, step by step: return and length."""
    start_key, step_key = jax.random.split(key)
    obs, state = task.env.reset_env(jax.random.split(start_key, episodes)[episode], task.env_params)
    state = jax.tree.map(jnp.asarray, state)
    total, time, limit = 0.0, 0, task.env_params.max_steps_in_episode
    while time < limit:
        step_keys = jax.random.split(jax.random.fold_in(step_key, time), episodes)
        action = plain_action(task, policy(obs))
        obs, state, reward, terminated, _ = step(step_keys[episode], state, jnp.asarray(action), task.env_params)
        total, time = total + float(reward), time + 1
        if bool(terminated) or bool(task.env.is_truncated(state, task.env_params)):
            break
    return total, time


# A box and two kinds of discrete actions; ends at different times; random rewards; shared sums of inputs.
@pytest.mark.parametrize("name", ["swingup", *GYMNAX[:2], "gymnax:BernoulliBandit-misc", "gymnax:Catch-bsuite"])
def test_episodes_agree_with_a_plain_loop(name):
    with lenient(name):
        task = wann.make_task(name, max_steps=30)
        spec, weights = spec_of(task), (-1.0, 0.5)
        networks = networks_of(spec, plain_genomes(spec, 3, SMOOTH)[1:3])
        step, forward = jax.jit(task.env.step_env), jax.jit(wann.forward)
        program = jax.jit(lambda task, networks, key: task.rollout(networks, jnp.array(weights), key, EPISODES))
        returns, steps = program(task, networks, jax.random.key(4))
        lengths = np.zeros(returns.shape)
        for index, w, episode in np.ndindex(returns.shape):
            network = jax.tree.map(lambda table, index=index: table[index], networks)

            def policy(obs, network=network, w=w):
                return forward(network, weights[w], jnp.ravel(obs).astype(jnp.float32))

            total, lengths[index, w, episode] = plain_episode(task, step, policy, jax.random.key(4), episode, EPISODES)
            np.testing.assert_allclose(returns[index, w, episode], total, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(steps, lengths.sum((1, 2)))
        wanted = {"gymnax:CartPole-v1": lengths < 30, "gymnax:Catch-bsuite": lengths < 11}
        assert wanted.get(name, lengths == 30).any()


def test_an_episode_ends_where_the_cart_leaves_the_track():
    """Full force to one side, whatever the state, against two that stay: the loop goes on for them alone."""
    task = wann.make_task("swingup", max_steps=120)
    spec = spec_of(task)
    pushing = PlainGenome([1] * 7, [(0, 6, True)])
    still = PlainGenome([1] * 7, [(0, 6, False)])
    networks = networks_of(spec, [pushing, still])
    weights = jnp.array([1.0, -1.0])
    rollout = jax.jit(lambda networks, key: task.rollout(networks, weights, key, EPISODES))
    returns, steps = rollout(networks, jax.random.key(1))
    step = jax.jit(task.env.step_env)
    total_steps = 0
    for w, episode in np.ndindex(2, EPISODES):
        policy, key = (lambda obs, w=w: weights[w : w + 1]), jax.random.key(1)
        total, length = plain_episode(task, step, policy, key, episode, EPISODES)
        assert 40 < length < 110
        np.testing.assert_allclose(returns[0, w, episode], total, rtol=1e-4)
        total_steps += length
    assert steps.tolist() == [total_steps, 4 * 120]
    np.testing.assert_array_equal(returns[1, 0], returns[1, 1])


def test_actions_fit_the_environments_space():
    outputs = jnp.array([[-5.0], [-1.0], [0.0], [0.5], [1.0], [7.0]])
    with lenient("gymnax:"):
        pendulum = wann.make_task("gymnax:Pendulum-v1")
        cart_pole = wann.make_task("gymnax:CartPole-v1")
    assert pendulum.actions.from_outputs(outputs).tolist() == [[-2.0], [-2.0], [0.0], [1.0], [2.0], [2.0]]
    assert wann.make_task("swingup").actions.from_outputs(outputs).tolist() == [
        [-1.0],
        [-1.0],
        [0.0],
        [0.5],
        [1.0],
        [1.0],
    ]
    uneven = Actions(jnp.array([0.0, -1.0]), jnp.array([4.0, 3.0]), num_outputs=2, shape=(2, 1), first=0)
    assert uneven.from_outputs(jnp.array([[[0.0, 9.0], [-0.5, -1.0]]])).tolist() == [[[[2.0], [3.0]], [[1.0], [-1.0]]]]
    chosen = cart_pole.actions.from_outputs(jnp.array([[0.1, 0.2], [3.0, -1.0], [1.0, 1.0]]))
    assert (chosen.tolist(), chosen.dtype) == ([1, 0, 0], jnp.int32)


def test_classification_agrees_with_numpy():
    """The whole training set as one batch: minus the mean cross-entropy; held-out splits: accuracy."""
    task = wann.make_task("digits", batch_size=5000)
    spec = spec_of(task)
    plains = [random_dag(spec, 5, 0.03, seed, output_density=0.2, activations=SMOOTH) for seed in range(3)]
    networks = networks_of(spec, plains)
    returns, work = jax.jit(lambda networks: task.evaluate(networks, WEIGHTS, jax.random.key(0), 1)[:2])(networks)
    score = jax.jit(
        lambda networks, split: task.score(networks, WEIGHTS, jax.random.key(0), 1, split), static_argnums=1
    )
    scores = {split: score(networks, split) for split in ("validation", "test")}
    assert work.tolist() == [3 * 1097] * 3
    for index, w in np.ndindex(3, 3):
        logits = {s: oracle.evaluate(plains[index], float(WEIGHTS[w]), task.inputs[s], 10) for s in task.inputs}
        shifted = logits["train"] - logits["train"].max(-1, keepdims=True)
        log_softmax = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
        wanted = log_softmax[np.arange(1097), np.asarray(task.labels["train"])].mean()
        np.testing.assert_allclose(returns[index, w], wanted, rtol=1e-4)
        for split, found in scores.items():
            correct = (logits[split].argmax(-1) == np.asarray(task.labels[split])).mean()
            assert found[index, w, 0] == pytest.approx(correct, abs=1e-6)


def test_batches_are_drawn_without_replacement():
    inputs, labels = np.array([[0.0], [1.0], [3.0]], np.float32), np.array([0, 1, 0], np.int32)
    splits = ("train", "validation", "test")
    dataset = wann.Dataset(dict.fromkeys(splits, inputs), dict.fromkeys(splits, labels), 2)
    task = wann.ClassificationTask.create("three", dataset, batch_size=2)
    networks = networks_of(spec_of(task), [PlainGenome([1] * 4, [(1, 3, True)])])
    keys = jax.random.split(jax.random.key(0), 40)

    def returns(episodes):
        program = jax.vmap(lambda key: task.evaluate(networks, jnp.array([1.0]), key, episodes).returns[0, 0])
        return np.unique(np.asarray(jax.jit(program)(keys)).round(5))

    # Logits (0, x): the losses of the three samples.
    losses = np.array([np.log(2.0), np.log(1 + np.e) - 1.0, np.log(1 + np.e**3)])
    pairs = sorted(-losses[[one, other]].mean() for one, other in ((0, 1), (0, 2), (1, 2)))
    np.testing.assert_allclose(returns(1), pairs, atol=2e-5)
    np.testing.assert_allclose(returns(2), [-losses.mean()], atol=2e-5)


def test_a_function_task_is_its_function():
    task = wann.FunctionTask(noisy_return, num_inputs=3, num_outputs=2)
    spec = spec_of(task)
    plains = plain_genomes(spec, 2, SMOOTH)
    networks = networks_of(spec, plains)
    scores = jax.jit(lambda networks: task.score(networks, WEIGHTS, jax.random.key(3), 4, "test"))(networks)
    evaluation = jax.jit(lambda networks: task.evaluate(networks, WEIGHTS, jax.random.key(3), 4))(networks)
    for index, w, episode in np.ndindex(4, 3, 4):
        inputs = np.asarray(jax.random.normal(jax.random.split(jax.random.key(3), 4)[episode], (5, 3)))
        wanted = oracle.evaluate(plains[index], float(WEIGHTS[w]), inputs, 2).mean()
        np.testing.assert_allclose(scores[index, w, episode], wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(evaluation.returns, np.mean(scores, -1), rtol=1e-5, atol=1e-6)
    assert evaluation.work.tolist() == [3 * 4] * 4


ANSWERS = {
    "vector": (lambda policy, key: policy(jnp.ones((5, 3)))[:, 0], r"got 'float32\[5\]'"),
    "one in a row": (lambda policy, key: policy(jnp.ones(3))[:1], r"got 'float32\[1\]'"),
    "complex": (lambda policy, key: policy(jnp.ones(3))[0].astype(jnp.complex64), r"got 'complex64\[\]'"),
    "key": (lambda policy, key: key, "got 'key<fry>"),
    "nothing": (lambda policy, key: None, "got NoneType"),
    "named": (lambda policy, key: {"return": 1.0}, "got dict"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_function_that_returns_no_number_is_refused(case):
    function, words = ANSWERS[case]
    task = wann.FunctionTask(function, num_inputs=3, num_outputs=2, name="mine")
    spec = spec_of(task)
    rule = f"what the function of task 'mine' returns must be one real number, of shape \\(\\); {words}"
    with pytest.raises(wann.ConfigError, match=rule):
        task.score(networks_of(spec, plain_genomes(spec, 2, SMOOTH)), WEIGHTS, jax.random.key(3), 4, "test")
    network = jax.tree.map(lambda table: table[1], networks_of(spec, plain_genomes(spec, 2, SMOOTH)))
    with pytest.raises(wann.ConfigError, match=rule):
        wann.tune(task, network, 1.0, "es", wann.TuneConfig(steps=1))
    with pytest.raises(wann.ConfigError, match=rule):
        wann.search(task, wann.SearchConfig.preset("xor", "quick"))


@pytest.mark.parametrize("answer", [True, 3, 0.5, np.float64(0.5)])
def test_a_function_may_return_any_real_number(answer):
    task = wann.FunctionTask(lambda policy, key: answer, num_inputs=3, num_outputs=2)
    spec = spec_of(task)
    scores = task.score(networks_of(spec, plain_genomes(spec, 2, SMOOTH)), WEIGHTS, jax.random.key(3), 2, "test")
    assert np.unique(scores).tolist() == [float(answer)]


def test_outputs_that_are_no_numbers_name_no_class():
    """The largest output of nothing but NaN would be class 0's."""
    task = wann.make_task("digits")
    spec = spec_of(task)
    plain = random_dag(spec, 3, 0.3, 1, output_density=0.9, activations=SMOOTH)
    networks = networks_of(spec, [plain])
    weights = jnp.array([jnp.nan, 1.0])
    scores = task.score(networks, weights, jax.random.key(0), 1, "test")
    assert scores[0, 0, 0] == 0.0 < scores[0, 1, 0]
    topology = Topology.of(jax.tree.map(lambda table: table[0], networks))
    vectors = jnp.full((1, 1, topology.num_connections), jnp.nan)
    assert task.score_weights(topology, vectors, jax.random.key(0), 1, "test").tolist() == [[0.0]]


def test_evaluate_takes_networks_of_any_sizes():
    task = wann.make_task("xor")
    small, large = (GenomeSpec.for_task(2, 1, SMOOTH, capacity) for capacity in (2, 30))
    plains = [random_dag(small, 0, 0.0, 7, 0.8), *(random_dag(large, 20, 0.1, seed, 0.8, SMOOTH) for seed in (7, 8))]
    networks = [jax.tree.map(lambda table: table[0], networks_of(small, plains[:1]))]
    networks += [jax.tree.map(lambda table, k=k: table[k], networks_of(large, plains[1:])) for k in range(2)]
    scores = wann.evaluate(task, networks, (-0.5, 1.0), episodes=2, seed=1)
    inputs, wanted = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    for index, w, episode in np.ndindex(3, 2, 2):
        answers = np.clip(oracle.evaluate(plains[index], (-0.5, 1.0)[w], inputs, 1)[:, 0], 0, 1)
        assert scores[index, w, episode] == pytest.approx(1 - ((answers - wanted) ** 2).mean(), abs=1e-5)
    other = wann.make_task("swingup")
    with pytest.raises(wann.ConfigError, match="of 5 inputs and 1 outputs for task 'swingup'; got '2 inputs and 1 out"):
        wann.evaluate(other, networks, (1.0,))


def test_tasks_have_the_sizes_that_people_expect():
    with lenient("gymnax:"):
        tasks = [make(name, None) for name in CONTRACT if name != "classify"]
    facts = {task.name: (task.num_inputs, task.num_outputs, task.work_unit, task.score_name) for task in tasks}
    assert facts == {
        "xor": (2, 1, "episodes", "return"),
        "swingup": (5, 1, "steps", "return"),
        "biped": (24, 4, "steps", "return"),
        "carracing": (16, 3, "steps", "return"),
        "digits": (64, 10, "passes", "accuracy"),
        "gymnax:CartPole-v1": (4, 2, "steps", "return"),
        "gymnax:Pendulum-v1": (3, 1, "steps", "return"),
        "gymnax:MountainCarContinuous-v0": (2, 1, "steps", "return"),
        "function": (3, 2, "episodes", "return"),
    }
    every = set(ACTIVATION_IDS.values())
    assert [every - set(task.hidden_activations) for task in tasks if task.name == "digits"] == [{STEP}]
    assert all(set(task.hidden_activations) == every for task in tasks if task.name != "digits")
