"""Movies of episodes: the ones that are evaluated, of every control task."""

import base64

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import wann_jax as wann
from wann_jax.errors import ConfigError
from wann_jax.report.movies.api import scene_of
from wann_jax.report.movies.episodes import play, policy_of
from wann_jax.tasks.control import ControlTask


@pytest.fixture
def lenient():
    """Gymnax's environments mix dtypes and ranks and reuse keys, which the strict settings of our tests forbid."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"), jax.debug_key_reuse(False):
        yield


def random_network(task):
    spec = wann.GenomeSpec.for_task(task.num_inputs, task.num_outputs, task.hidden_activations, 32)
    state = wann.init(jax.random.key(3), wann.SearchConfig(population_size=8, tournament_size=2), spec)
    return wann.express(jax.tree.map(lambda table: table[0], state.genomes))


@pytest.mark.parametrize("name", ["swingup", "gymnax:Pendulum-v1", "gymnax:BernoulliBandit-misc"])
def test_an_episode_is_the_one_that_is_evaluated(lenient, name):
    task = wann.make_task(name, max_steps=50)
    network = random_network(task)
    returns = wann.evaluate(task, [network], [0.7], episodes=1, seed=5)
    episode = play(task, policy_of(network, 0.7), jax.random.key(5), steps=50)
    assert episode.observations.shape == (len(episode.rewards), task.num_inputs)
    assert episode.rewards.sum() == pytest.approx(returns[0, 0, 0], rel=1e-3, abs=1e-3)


def test_a_vector_of_one_number_is_that_shared_weight():
    task, network = wann.make_task("swingup", max_steps=30), wann.load_network("swingup52")
    shared = play(task, policy_of(network, 1.5), jax.random.key(0), 30)
    apart = play(task, policy_of(network, np.full(52, 1.5)), jax.random.key(0), 30)
    np.testing.assert_allclose(apart.observations, shared.observations, atol=1e-3)


def test_a_drive_is_the_one_that_is_evaluated():
    task, network = wann.make_task("carracing", max_steps=12, encode_interval=3), wann.load_network("carracing")
    returns = wann.evaluate(task, [network], [-0.9], episodes=1, seed=5)
    scene = scene_of(task, policy_of(network, -0.9), 5, None)
    assert (scene.length, scene.size) == (12, (9.0, 3.2))
    figure = Figure()
    scene.draw(figure, 11)
    shown = float(figure.axes[1].get_title().removeprefix("return "))
    assert shown == pytest.approx(returns[0, 0, 0], abs=0.051)


def test_other_environments_get_their_observations_as_curves(lenient, monkeypatch):
    task = wann.make_task("gymnax:CartPole-v1", max_steps=40)
    monkeypatch.setattr("wann_jax.report.movies.api._PAINTERS", {})
    network = random_network(task)
    episode = play(task, policy_of(network, 1.0), jax.random.key(2), 40)
    scene, figure = scene_of(task, policy_of(network, 1.0), 2, None), Figure()
    assert scene.length == len(episode.rewards)
    scene.draw(figure, 3)
    (axes,) = figure.axes
    curves = {line.get_label(): np.asarray(line.get_ydata()) for line in axes.lines[:-1]}
    assert [*curves] == ["x", "ẋ", "θ", "θ̇"]
    for index, curve in enumerate(curves.values()):
        np.testing.assert_array_equal(curve[:4], episode.observations[:4, index])
        assert np.isnan(curve[4:]).all()
    assert figure.texts[0].get_text() == "step 4   return 4.0"


def test_many_inputs_become_a_map(lenient):
    task = wann.make_task("gymnax:Breakout-MinAtar", max_steps=5)
    scene, figure = scene_of(task, policy_of(random_network(task), 1.0), 0, 5), Figure()
    scene.draw(figure, 2)
    (image,) = figure.axes[0].images
    assert image.get_array().shape == (400, scene.length)
    assert image.get_array()[:, :3].count() == 1200
    assert image.get_array()[:, 3:].count() == 0


def test_an_environment_without_a_name_has_numbers(lenient):
    known = wann.make_task("gymnax:PointRobot-misc", max_steps=4)
    task = ControlTask.create("mine", known.env, known.env_params)
    scene, figure = scene_of(task, policy_of(random_network(task), 1.0), 0, None), Figure()
    scene.draw(figure, 0)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [f"in {i}" for i in range(6)]


def test_a_movie_is_a_file_that_shows_itself(tmp_path):
    task, network = wann.make_task("swingup", max_steps=9), wann.load_network("swingup52")
    film = wann.movie(task, network, 1.0, tmp_path / "swing.gif")
    with Image.open(film) as image:
        assert (image.n_frames, image.size) == (5, (400, 220))
    content = base64.b64encode((tmp_path / "swing.gif").read_bytes()).decode()
    assert film._repr_html_() == f'<img src="data:image/gif;base64,{content}">'
    with Image.open(wann.movie(task, network, 1.0, tmp_path / "swing.png", steps=2)) as image:
        assert image.size == (800, 660)
    shown = wann.movie(task, network, 1.0, tmp_path / "swing.mp4", steps=2)._repr_html_()
    assert shown.startswith("<video controls loop src=")


def test_mistakes_are_answered_in_one_line(tmp_path):
    task, network, path = wann.make_task("swingup"), wann.load_network("swingup52"), tmp_path / "a.gif"
    for words, call in {
        "path must be a name that ends in .gif, .mp4, .png": lambda: wann.movie(task, network, 1.0, "a.webm"),
        "weight must be one number, or 52, one for each connection; got (3,)": lambda: wann.movie(
            task, network, np.ones(3), path
        ),
        "weight must be finite; got inf": lambda: wann.movie(task, network, float("inf"), path),
        "steps must be at least 1; got 0": lambda: wann.movie(task, network, 1.0, path, steps=0),
        "seed must be between 0": lambda: wann.movie(task, network, 1.0, path, seed=-1),
        "network must be of 5 inputs": lambda: wann.movie(task, wann.load_network("xor"), 1.0, path),
        "task must be an environment of gymnax, or the car; got 'xor'": lambda: wann.movie(
            wann.make_task("xor"), wann.load_network("xor"), 1.0, path
        ),
    }.items():
        with pytest.raises(ConfigError) as error:
            call()
        assert words in str(error.value)
    assert not path.exists()
