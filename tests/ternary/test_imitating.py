"""Networks of whole numbers that imitate an expert at every shared weight."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

import wann_jax as wann
from tests.walking import STEPS, Walking
from wann_jax.cli import main
from wann_jax.errors import ConfigError
from wann_jax.genomes.grading import grading_of
from wann_jax.ternary import imitating
from wann_jax.ternary.embedding import embedded, num_connections
from wann_jax.ternary.imitating import whole

QUICK = wann.ImitationConfig(connections=40, rounds=4, episodes=16, updates=600)
WEIGHTS = [-2.0, -0.7, 0.3, 1.0, 1.8]


@pytest.fixture(scope="module")
def found():
    return wann.search_imitation(Walking(), QUICK, seed=1)


def test_whole_weights_become_parallel_relays():
    """Outputs are w^2 (W x + b) for every w, with as many connections as were counted."""
    random = np.random.default_rng(0)
    weights = random.integers(-4, 5, (6, 3))
    genome = embedded([weights], "abs")
    assert int(genome.num_enabled) == num_connections([weights])
    positive, negative = np.maximum(weights, 0), np.maximum(-weights, 0)
    assert num_connections([weights]) == np.abs(weights).sum() + positive.max(1).sum() + negative.max(1).sum()
    inputs = random.normal(size=(7, 5)).astype(np.float32)
    for weight in WEIGHTS:
        outputs = wann.forward(wann.express(genome), weight, jnp.asarray(inputs))
        np.testing.assert_allclose(outputs, weight**2 * (inputs @ weights[:-1] + weights[-1]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("connections", [20, 60, 10_000])
def test_whole_weights_keep_to_the_budget_and_use_it(connections):
    latent = 3.0 * np.random.default_rng(1).normal(size=(8, 2))
    config = wann.ImitationConfig(connections=connections, largest=6)
    weights = np.asarray(whole(config, jnp.asarray(latent, jnp.float32)))
    np.testing.assert_array_equal(weights, weights.round())
    if connections == 10_000:
        np.testing.assert_array_equal(weights, np.clip(latent, -6, 6).round())
    else:
        assert 0.6 * connections <= num_connections([weights]) <= connections


def test_the_network_does_as_the_expert_at_every_weight(found):
    grading = grading_of(found.genome)
    assert (grading.fault, grading.output) == ("", (2, False))
    assert int(found.genome.num_enabled) <= QUICK.connections
    scores = wann.evaluate(Walking(), [found.network], WEIGHTS, 64)[0].mean(-1)
    expert = wann.evaluate(Walking(), [bold()], [1.0], 64)[0].mean()
    assert scores[1:].min() > 1.6 * expert  # both are below 0
    np.testing.assert_allclose(scores[0], scores[-1], rtol=0.2)
    steps = [look["step"] for look in found.curve]
    assert steps == list(range(1, QUICK.rounds + 1))
    assert found.score == found.curve[-1]["best"] == max(look["score"] for look in found.curve)


class Paying(Walking):
    """Pays what is done; the expert wants 0.2."""

    name: str = struct.field(pytree_node=False, default="paying")  # jaxlib 0.10.2 takes equal fields for one class

    def expert(self, begun, lanes, is_bold):
        return jnp.full((*lanes.alive.shape, 1), 0.2)

    def step(self, begun, count, lanes, actions):
        return lanes._replace(returns=lanes.returns + actions)


def test_every_episode_has_a_weight_of_its_own():
    state = imitating._begin(Paying(), QUICK, jax.random.key(0))
    *_, returns = imitating._driven(QUICK, Paying(), (jax.random.key(1), jax.random.key(2)), state.latent, True)
    weights = 2.0 * (np.arange(QUICK.episodes) + 0.5) / QUICK.episodes
    np.testing.assert_allclose(np.sort(returns), STEPS * np.minimum(0.2 * weights**2, 1.0), rtol=1e-5)


def bold():
    """The expert's outputs: -10 x, of 0.5 + x and x / 2."""
    return wann.express(embedded([np.array([[0], [-20], [0]])], "abs"))


def test_the_same_seed_gives_the_same_network_and_another_one_another(found):
    again, other = (wann.search_imitation(Walking(), QUICK, seed=seed) for seed in (1, 2))
    assert again.curve == found.curve
    np.testing.assert_array_equal(again.genome.conn_source, found.genome.conn_source)
    assert other.curve != found.curve


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (dict(connections=1), "imitate.connections must be a whole number, at least 2; got 1"),
        (dict(rounds=1), "imitate.rounds must be a whole number, at least 2; got 1"),
        (dict(episodes=0), "imitate.episodes must be a whole number, at least 1; got 0"),
        (dict(largest=1.5), "imitate.largest must be a whole number, at least 1; got 1.5"),
        (dict(learning_rate=0.0), "imitate.learning_rate must be finite and above 0; got 0.0"),
    ],
)
def test_wrong_settings_are_told_in_one_line(settings, complaint):
    with pytest.raises(ConfigError) as error:
        wann.search_imitation(Walking(), wann.ImitationConfig(**settings))
    assert str(error.value) == complaint


def test_a_task_without_an_expert_is_refused(capsys, tmp_path):
    assert main(["imitate", "swingup", "--out", str(tmp_path / "a.json")]) == 2
    complaint = "task must be one with an expert: 'swingup' has no expert to imitate; got 'swingup'"
    assert complaint in capsys.readouterr().err


def test_the_command_writes_a_network_and_its_page(capsys, tmp_path):
    out = tmp_path / "driver.json"
    sizes = ["--rounds", "2", "--episodes", "1", "--updates", "5", "--connections", "60"]
    assert main(["imitate", "carracing", "--max-steps", "4", *sizes, "--out", str(out)]) == 0
    assert "at weights all over [-2, 2]" in capsys.readouterr().out
    assert json.loads(out.read_text())["info"]["imitation"]["connections"] == 60
    assert out.with_suffix(".html").exists()
    assert int(wann.load_genome(out, 16, 3).num_enabled) <= 60
    assert main(["imitate", "carracing", "--out", str(out)]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
