"""Tasks `gymnasium:NAME`: real environments in other processes."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import wann_jax as wann
from wann_jax.tasks.gymnasium_workers import Workers

ROOT = Path(__file__).parents[2]
PROGRAM = """
import jax, jax.numpy as jnp, json, numpy as np
import wann_jax as wann
from wann_jax.networks.layered import Topology
task = wann.make_task("gymnasium:{name}", max_steps={max_steps})
config = wann.SearchConfig.preset("xor", "quick", population_size=6, generations=2, tournament_size=2,
    champion_candidates=2, champion_episodes=2, episodes=2)
result = wann.search(task, config, seed=1)
networks = [result.network]
scores = wann.evaluate(task, networks, [-1.0, 1.0], episodes=3, seed=4)
again = wann.evaluate(task, networks, [-1.0, 1.0], episodes=3, seed=4)
topology = Topology.of(result.network)
same = jnp.full((1, 1, topology.num_connections), -1.0)
tuned = task.score_weights(topology, same, jax.random.key(4), 3, "validation")
settings = dict(steps=1, validation_interval=1, population_size=4, episodes=2, validation_episodes=3)
step = wann.tune(task, result.network, -1.0, "es", wann.TuneConfig.for_task(False, "es", **settings))
print(json.dumps([task.num_inputs, task.num_outputs, scores.tolist(), again.tolist(), tuned.tolist(), step.score]))
"""


def run(text, *arguments, **environment):
    """In a fresh process."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, "-c", text, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, env=environment)


CAR = pytest.param("CarRacing-v3", (16, 3), marks=pytest.mark.skipif(not find_spec("Box2D"), reason="extra box2d"))
LIMITS = {"CartPole-v1": (1, 30), "Pendulum-v1": (-17 * 30, 0), "CarRacing-v3": (-103, 200)}


@pytest.mark.parametrize(("name", "sizes"), [("CartPole-v1", (4, 2)), ("Pendulum-v1", (3, 1)), CAR])
def test_search_and_evaluation_of_a_real_environment(name, sizes):
    done = run(PROGRAM.format(name=name, max_steps=30))
    assert done.returncode == 0, done.stderr
    inputs, outputs, scores, again, tuned, step = json.loads(done.stdout.splitlines()[-1])
    assert (inputs, outputs) == sizes
    assert scores == again
    scores = np.array(scores)
    assert scores.shape == (1, 2, 3)
    low, high = LIMITS[name]
    assert ((scores >= low) & (scores <= high)).all()
    np.testing.assert_allclose(tuned[0], scores[0, 0], rtol=1e-4)  # a weight of its own for each, all the same
    assert low <= step <= high


def test_workers_step_what_gymnasium_steps():
    seeds, workers = np.array([3, 5, 8]), Workers("CartPole-v1")
    session, obs = workers.reset(seeds, 1)
    envs = [gymnasium.make("CartPole-v1") for _ in seeds]
    for env, seed, row in zip(envs, seeds, obs, strict=True):
        np.testing.assert_array_equal(row, env.reset(seed=int(seed))[0])
    alive = np.ones(3, bool)
    for t in range(200):
        actions = np.array([1, t % 2, 0], np.int32)
        obs, rewards, goes_on = workers.step(session, actions)
        for lane in range(3):
            if not alive[lane]:
                assert (rewards[lane], goes_on[lane]) == (0.0, False)
                continue
            wanted, reward, terminated, truncated, _ = envs[lane].step(int(actions[lane]))
            np.testing.assert_array_equal(obs[lane], wanted)
            assert rewards[lane] == reward
            alive[lane] = goes_on[lane]
            assert goes_on[lane] == (not (terminated or truncated))
    assert not alive.any()  # all three have fallen, at different times
    workers.finish(session)
    workers.close()


COMMAND = "import sys; from wann_jax.cli import main; sys.exit(main(sys.argv[1:]))"


def test_a_run_is_resumed(tmp_path):
    """As on any machine: the number of cores makes no difference."""
    names = ("population-size", "tournament-size", "champion-candidates", "champion-episodes", "episodes")
    size = [f"--{name}={number}" for name, number in zip(names, (4, 2, 2, 1, 1), strict=True)]
    search = ["search", "gymnasium:CartPole-v1", "--preset", "quick", *size, "--out", str(tmp_path / "run")]
    done = run(COMMAND, *search, "--max-steps", "20", "--generations", "1")
    assert done.returncode == 0, done.stderr
    done = run(COMMAND, "resume", str(tmp_path / "run"), "--generations", "2")
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 2


def test_more_devices_than_one_are_refused_in_one_line():
    done = run(COMMAND, "search", "gymnasium:CartPole-v1", WANN_CPU_DEVICES="2")
    message = (
        "wann: number of JAX devices must be 1 for gymnasium:CartPole-v1, whose environments run outside "
        "(leave $WANN_CPU_DEVICES unset); got 2\n"
    )
    assert (done.returncode, done.stderr) == (2, message)


def test_mistakes_are_told_in_one_line(monkeypatch):
    with pytest.raises(wann.ConfigError, match="must name an environment of Gymnasium's; got 'Nothing-v0'"):
        wann.make_task("gymnasium:Nothing-v0")
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(wann.ConfigError, match=r"needs Gymnasium: pip install 'wann_jax\[box2d\]'"):
        wann.make_task("gymnasium:CartPole-v1")
