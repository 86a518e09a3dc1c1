"""The page of a network: what it computes in a browser is what Python computes."""

import json
import re
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import to_plain
from tests.oracle import swingup as oracle
from tests.oracle.network import evaluate, evaluate_settled
from tests.pages.browser import needs_chromium, run_in
from wann_jax.cli import main
from wann_jax.errors import CheckpointError, ConfigError, DataError
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.networks.activations import FUNCTIONS
from wann_jax.networks.files import load_weights
from wann_jax.networks.layered import Topology
from wann_jax.pages import documents
from wann_jax.pages.report import write_report
from wann_jax.tasks.labels import Labels


def data_of(page):
    """What the page gives to its scripts."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL).group(1))


def without_curve(name, folder, **more):
    return write_report(name, folder / f"{name}.html", episodes=0, **more)


@pytest.fixture(scope="module")
def swingup(tmp_path_factory):
    return write_report("swingup52", tmp_path_factory.mktemp("pages") / "swingup52.html", episodes=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished search that had several champions."""
    path = tmp_path_factory.mktemp("runs") / "digits"
    sizes = ["--population-size", "24", "--generations", "40", "--tournament-size", "4", "--champion-interval", "1"]
    with mock.patch("wann_jax.evolution.loop.SECONDS_PER_DISPATCH", 1e-9):
        assert main(["search", "digits", "--preset", "quick", "--seed", "3", "--out", str(path), *sizes]) == 0
    return path


@needs_chromium
@pytest.mark.parametrize("name", ["swingup52", "biped", "digits", "pendulum"])
def test_outputs_are_forwards(name, tmp_path):
    """And the oracle's; where a rounding error does not decide them."""
    page, network, plain = without_curve(name, tmp_path), wann.load_network(name), to_plain(wann.load_genome(name))
    tuned = load_weights(name)
    inputs = np.random.default_rng(0).uniform(-1.5, 1.5, (200, network.spec.num_inputs)).astype(np.float32)
    weights = [-2.0, 0.7] + ([None] if tuned is not None else [])
    x = json.dumps(inputs.tolist())
    script = f"return {{outputs: {json.dumps(weights)}.map(w => {x}.map(x => page.network.forward(x, w)))}};"
    found = run_in(page, script, tmp_path)
    assert found["complaints"] == []
    for weight, outputs in zip(weights, found["outputs"], strict=True):
        vector = tuned if weight is None else weight
        exact, settled = evaluate_settled(plain, vector, inputs, network.spec.num_outputs)
        expected = np.asarray(wann.forward(network, vector, inputs))
        scale = 1.0 + np.abs(exact)
        assert settled.mean() > 0.5
        assert (np.abs(outputs - exact) / scale)[settled].max() <= 1e-6
        assert np.quantile((np.abs(outputs - expected) / scale)[settled], 0.99) <= 1e-5


@needs_chromium
def test_all_activations_are_ours(tmp_path, swingup):
    names = list(ACTIVATION_IDS)
    x = np.concatenate([np.linspace(-3, 3, 121), [0.0, 50.25, -1000.3]]).astype(np.float32)
    script = (
        f"return {{values: {json.dumps(names)}.map(name => {json.dumps(x.tolist())}.map(ACTIVATIONS[name])),"
        "names: Object.keys(ACTIVATIONS)};"
    )
    found = run_in(swingup, script, tmp_path)
    assert set(found["names"]) == set(names)
    for name, values in zip(names, found["values"], strict=True):
        expected = np.asarray(FUNCTIONS[ACTIVATION_IDS[name]](jnp.asarray(x)))
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=2e-5, err_msg=name)


STEPS = 200
ENVIRONMENTS = {
    "swingup": "CartPoleSwingUp-v0",
    "cartpole": "CartPole-v1",
    "pendulum": "Pendulum-v1",
    "mountain": "MountainCar-v0",
    "hill": "MountainCarContinuous-v0",
}


@needs_chromium
@pytest.mark.parametrize("world", ENVIRONMENTS)
def test_worlds_are_the_environments(world, tmp_path, swingup):
    """Under outputs that come and go, from a start of the environment's own, until an episode's end."""
    task = wann.make_task(f"gymnax:{ENVIRONMENTS[world]}")
    outputs = np.random.default_rng(1).normal(0, 0.7, (STEPS, task.num_outputs)).astype(np.float32)
    env, params = task.env, task.env_params
    obs, state = env.reset_env(jax.random.key(3), params)
    fields = [name for name in vars(state) if name not in ("time", "last_u")]
    start = [float(getattr(state, name)) for name in fields]
    step = jax.jit(lambda state, action: env.step_env(jax.random.key(0), state, action, params))
    expected = []
    for row in outputs:
        with jax.numpy_dtype_promotion("standard"):  # gymnax mixes types
            obs, state, reward, done, _ = step(state, task.actions.from_outputs(jnp.asarray(row)))
        expected.append([*np.asarray(obs).ravel().tolist(), float(reward), float(done)])
        if done:
            break
    script = (
        f"const world = WORLDS['{world}']; let state = {start}; const rows = [];"
        f"for (const outputs of {outputs[: len(expected)].tolist()}) {{"
        "const took = world.step(state, world.act(outputs)); state = took.state;"
        "rows.push([...world.observe(state), took.reward, Number(took.done)]); }"
        "return {rows, limit: world.limit};"
    )
    found = run_in(swingup, script, tmp_path)
    assert found["limit"] == params.max_steps_in_episode
    np.testing.assert_allclose(found["rows"], expected, rtol=1e-3, atol=1e-3)


@needs_chromium
@pytest.mark.parametrize("weight", [0.94, None])
def test_the_champion_swings_up_as_in_python(weight, tmp_path, swingup):
    """States of a whole closed loop, network and world together: the oracle's, and ours but for 32 bits."""
    task, network, plain = (
        wann.make_task("swingup"),
        wann.load_network("swingup52"),
        to_plain(wann.load_genome("swingup52")),
    )
    vector = weight or load_weights("swingup52")
    obs, state = task.env.reset_env(jax.random.key(5), task.env_params)
    start = exact = [float(leaf) for leaf in (state.position, state.velocity, state.angle, state.angular_velocity)]

    @jax.jit
    def step(obs, state):
        action = task.actions.from_outputs(wann.forward(network, jnp.asarray(vector, jnp.float32), obs))
        return task.env.step_env(jax.random.key(0), state, action, task.env_params)[:2]

    ours, oracles = [], []
    for _ in range(STEPS):
        obs, state = step(obs, state)
        ours.append([float(leaf) for leaf in (state.position, state.velocity, state.angle, state.angular_velocity)])
        action = evaluate(plain, vector, [oracle.observe(exact)], 1)[0, 0]
        exact = oracle.advance(exact, action)[0]
        oracles.append(exact)
    script = (
        f"const world = WORLDS.swingup; let state = {start}; const rows = [];"
        f"for (let k = 0; k < {STEPS}; k++) {{"
        f"state = world.step(state, world.act(page.network.forward(world.observe(state), {json.dumps(weight)}))).state;"
        "rows.push(state); } return {rows};"
    )
    found = run_in(swingup, script, tmp_path)
    assert found["complaints"] == []
    np.testing.assert_allclose(found["rows"], oracles, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found["rows"], ours, atol=5e-3)


@needs_chromium
def test_a_drawn_digit_is_prepared_as_mnists_images(tmp_path, swingup):
    """The skewed, 28 x 28, as the data set's; then what the page makes of it."""
    from wann_jax.tasks.datasets import deskew

    rows, columns = np.mgrid[:28, :28]
    image = np.exp(-(((columns - 10 - 0.4 * rows) / 2.5) ** 2)) * ((rows > 4) & (rows < 24))
    script = f"return {{pixels: deskewed({image.ravel().tolist()}, 16)}};"
    found = run_in(swingup, script, tmp_path)
    np.testing.assert_allclose(found["pixels"], deskew(image[None])[0], atol=1e-6)


@needs_chromium
def test_weights_are_chosen_by_slider_and_buttons(tmp_path, swingup):
    script = (
        "const seen = [weightNow()]; document.querySelector('[data-weight=\"-1.0\"]').click(); seen.push(weightNow());"
        "const slider = document.getElementById('weight');"
        "slider.value = 0.5; slider.dispatchEvent(new Event('input'));"
        "seen.push(weightNow()); document.getElementById('tuned').click(); seen.push(weightNow());"
        "return {seen, words: document.getElementById('weight-value').textContent,"
        "plots: document.querySelectorAll('.uplot').length, steps: feed.time};"
    )
    found = run_in(swingup, script, tmp_path)
    assert found["complaints"] == []
    assert found["seen"] == [None, -1.0, 0.5, None]
    assert (found["words"], found["plots"]) == ("tuned", 1)
    assert found["steps"] > 0


@needs_chromium
def test_a_run_shows_how_its_champion_grew(run, tmp_path):
    page = write_report(run, tmp_path / "run.html")
    script = (
        "showChampion(0); const first = page.network.edges.length;"
        "const words = document.getElementById('champion-words').textContent;"
        "return {first, words, count: networks.length, plots: document.querySelectorAll('.uplot').length,"
        "bars: document.querySelectorAll('.bar').length};"
    )
    found = run_in(page, script, tmp_path)
    files = sorted((run / "champions").iterdir())
    oldest = Topology.of(wann.load_network(files[0]))
    assert found["complaints"] == []
    assert found["first"] == sum(len(node.sources) for node in oldest.nodes)
    assert found["words"].startswith(f"generation {int(files[0].stem)}, score ")
    assert found["count"] == len(files)
    assert (found["plots"], found["bars"]) == (3, 10)  # sweep, search, front; a bar for each digit


def test_what_a_page_tells_is_measured(run, tmp_path):
    page = write_report(run, tmp_path / "run.html")
    data, task, network = data_of(page), wann.make_task("digits"), wann.load_network(run)
    scores = wann.evaluate(task, [network], [-2.5, 1.0])[0, :, 0]
    assert data["sweep"]["weights"][0] == -2.5
    assert len(data["sweep"]["weights"]) == 101
    sweep = dict(zip(data["sweep"]["weights"], data["sweep"]["middle"], strict=True))
    np.testing.assert_allclose([sweep[-2.5], sweep[1.0]], scores, atol=1e-6)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert data["history"]["return_max"] == [row["return_max"] for row in rows]
    front = data["front"]
    assert len(front["returns"]) == 24
    best = int(np.argmax(front["returns"]))
    assert front["is_first"][best]
    for index, is_first in enumerate(front["is_first"]):
        better = [
            other
            for other in range(24)
            if front["returns"][other] >= front["returns"][index]
            and front["connections"][other] <= front["connections"][index]
            and (front["returns"][other], -front["connections"][other])
            != (front["returns"][index], -front["connections"][index])
        ]
        assert is_first == (not better)


def test_a_classifiers_tables_count_its_images(run, tmp_path):
    from wann_jax.pages.measuring import classification

    task, network = wann.make_task("digits"), wann.load_network(run)
    found = classification(task, network, None, (-1.0, 1.0))
    accuracy = wann.evaluate(task, [network], [-1.0, 1.0])[0, :, 0]
    labels = np.asarray(task.labels["validation"])
    for (_, row), whole in zip(found["rows"], accuracy, strict=True):
        assert row[-1] == pytest.approx(whole, abs=1e-6)
        weighted = sum(share * (labels == k).sum() for k, share in enumerate(row[:-1])) / len(labels)
        assert weighted == pytest.approx(whole, abs=1e-6)
    confusion = np.asarray(found["confusion"])
    assert confusion.sum() == len(labels)
    assert np.trace(confusion) == len(labels) - found["num_wrong"]
    assert np.trace(confusion) / len(labels) == pytest.approx(max(accuracy), abs=1e-6)
    outputs = np.asarray(wann.forward(network, float([-1.0, 1.0][int(np.argmax(accuracy))]), task.inputs["validation"]))
    each = found["mistakes"][0]
    index = np.flatnonzero((np.asarray(task.inputs["validation"]) == each["pixels"]).all(-1))[0]
    assert (each["label"], each["answer"]) == (labels[index], outputs[index].argmax())
    assert each["label"] != each["answer"]


def test_a_page_stands_alone_and_is_small(tmp_path):
    text = without_curve("swingup52", tmp_path).read_text()
    assert len(text) < 300_000
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert "default-src 'none'" in text


def test_the_largest_network_leaves_a_page_small():
    labels = Labels(image=(16, 16)).fitting(256, 10)
    topology = Topology.of(wann.load_network("mnist5082"))
    document = documents.network_document(topology, labels, load_weights("mnist5082"), "")
    assert len(json.dumps(document)) < 1_000_000


def test_a_strangers_file_with_odd_facts_still_gets_its_page(tmp_path):
    info = {
        "task": "xor",
        "tuning": "mine",
        "protocol": [
            *({"row": "a", "mean": "high"}, 3, {"row": "a", "mean": 1.0, "std": 0.5}),
            *(
                {"row": "a", "mean": 1.0, "trials": 3},
                {"row": "a", "mean": 1, "std": None, "trials": 3, "weight": "one"},
            ),
            {"row": "a", "mean": 1, "std": None, "trials": 3, "weight": None},
        ],
        "curve": [1],
        "score": "good",
    }
    wann.save_network(tmp_path / "odd.json", wann.load_genome("xor"), info)
    page = write_report(tmp_path / "odd.json", tmp_path / "odd.html", episodes=0)
    assert "<h2>Protocol</h2>" not in page.read_text()
    assert data_of(page)["tuning"] is None


def test_a_name_cannot_end_the_pages_data(tmp_path):
    from wann_jax.pages.rendering import _json_of

    assert "<" not in _json_of({"name": "</script><script>alert(1)</script>"})


def test_mistakes_are_one_line_and_leave_nothing(tmp_path, run, capsys):
    page = tmp_path / "page.html"
    page.write_text("mine")
    with pytest.raises(CheckpointError, match="out must be a new file, nothing is overwritten; got"):
        write_report("swingup52", page)
    assert page.read_text() == "mine"
    with pytest.raises(DataError, match="cannot be read"):
        write_report(tmp_path / "none", tmp_path / "other.html", task="swingup")
    (tmp_path / "folder").mkdir()
    assert main(["report", str(tmp_path / "folder")]) == 2
    assert "network file" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="episodes must be at least 0; got -1"):
        write_report("swingup52", tmp_path / "other.html", episodes=-1)
    unbegun = tmp_path / "unbegun"
    unbegun.mkdir()
    (unbegun / "config.json").write_text((run / "config.json").read_text())
    with pytest.raises(
        CheckpointError, match=r"run must be one that has done a generation; got .* without metrics yet"
    ):
        write_report(unbegun, tmp_path / "other.html")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["folder", "page.html", "unbegun"]


def test_a_runs_own_page_is_written_anew(run, capsys):
    for _ in range(2):
        assert main(["report", str(run), "--episodes", "0"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"written: {run / 'report.html'}"
