"""Tasks `gymnasium:NAME`: real environments in other processes."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import wann_jax as wann
from tests import strange_environments
from wann_jax.cli.failing import line_of, trace_of
from wann_jax.tasks.gymnasium_workers import WorkerError, Workers, take_failure

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
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)


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


WHAT_BREAKS = '        raise ValueError("the motor\\nis broken")'
MISTAKES = {
    "tests.strange_environments:Breaking-v0": "step raised ValueError: the motor is broken",
    "tests.strange_environments:Unmakeable-v0": "making it raised ValueError: no track",
    "tests.strange_environments:Whole-v0": "action space must be discrete, or a box of fractions",
    "tests.strange_environments:Wide-v0": "an observation must be of 3 numbers, as its space says; got '4 numbers'",
    "tests.no_such_module:Sound-v0": "must name an environment of Gymnasium's",
    "Elsewhere-v0": "reset raised NameNotFound: Environment `Elsewhere` doesn't exist",
}


def test_what_is_wrong_with_an_environment_is_told_when_the_task_is_made():
    text = f"""
import gymnasium, wann_jax as wann
from tests.strange_environments import Elsewhere
gymnasium.register("Elsewhere-v0", Elsewhere)
for name in {list(MISTAKES)}:
    try:
        wann.make_task("gymnasium:" + name)
    except wann.ConfigError as error:
        print(repr(str(error)))
print(wann.make_task("gymnasium:tests.strange_environments:Sound-v0").num_inputs)
"""
    done = run(text, "any")
    *lines, sizes = done.stdout.splitlines()
    assert (done.returncode, sizes, len(lines)) == (0, "3", len(MISTAKES)), done.stderr
    for line, (name, words) in zip(lines, MISTAKES.items(), strict=True):
        assert name in line
        assert words in line
        assert "\\n" not in line


def test_an_environment_that_raises_tells_where():
    workers = Workers("tests.strange_environments:Breaking-v0")
    session, _ = workers.reset(np.array([3]), 1)
    with pytest.raises(WorkerError) as caught:
        workers.step(session, np.zeros((1, 2), np.float32))
    take_failure()
    lines = Path(strange_environments.__file__).read_text().splitlines()
    place = f"({strange_environments.__file__}:{1 + lines.index(WHAT_BREAKS)})"
    name = "gymnasium:tests.strange_environments:Breaking-v0"
    assert line_of(caught.value, "") == f"{name}: step raised ValueError: the motor is broken {place}"
    assert trace_of(caught.value).endswith("\nValueError: the motor\nis broken\n")


ENDS = ((signal.SIGKILL, r"has ended \(exit status -9\)"), (signal.SIGSTOP, "has not answered for 1 s"))


@pytest.mark.parametrize(("signal_number", "words"), ENDS)
def test_a_worker_that_dies_or_hangs_is_told_in_one_line(monkeypatch, signal_number, words):
    monkeypatch.setenv("WANN_WORKER_TIMEOUT", "30")
    workers = Workers("CartPole-v1")
    assert all(os.getsid(process.pid) != os.getsid(0) for process in workers._processes)  # Ctrl-C is not for them
    session, _ = workers.reset(np.array([3]), 1)
    workers._timeout = 1.0
    workers._processes[-1].send_signal(signal_number)
    with pytest.raises(WorkerError, match=f"^gymnasium:CartPole-v1: a worker process {words}"):
        workers.step(session, np.array([1], np.int32))
    assert str(take_failure()).startswith("gymnasium:CartPole-v1: a worker process has")
    assert take_failure() is None
    assert all(process.poll() is not None for process in workers._processes)


def test_a_failure_in_a_run_is_one_line_and_other_processes_start():
    text = """
import sys, wann_jax as wann
from unittest import mock
from wann_jax.cli import main
from wann_jax.tasks import gymnasium_workers
task = wann.make_task("gymnasium:CartPole-v1", max_steps=5)
workers = gymnasium_workers.workers_of("CartPole-v1")
reset, calls = workers.reset, []
def dying(*args):
    answer = reset(*args)
    workers._processes[0].kill()
    return answer
wann.save_network("net.json", wann.search(task, wann.SearchConfig.preset("xor", "quick", population_size=6,
    generations=1, tournament_size=2, champion_candidates=2, champion_episodes=1, episodes=1)).champion)
command = ["evaluate", "net.json", "--task", "gymnasium:CartPole-v1", "--episodes", "2", "--json"]
make_task = mock.patch("wann_jax.cli.measuring.make_task", return_value=task)
with make_task, mock.patch.object(workers, "reset", dying):
    print(main(command))
print(main(command))
"""
    with tempfile.TemporaryDirectory() as folder:
        done = run(text.replace("net.json", f"{folder}/net.json"), "any")
    assert done.returncode == 0, done.stderr
    first, _, last = done.stdout.splitlines()
    assert (first, last) == ("2", "0")
    assert done.stderr == "wann: gymnasium:CartPole-v1: a worker process has ended (exit status -9)\n"


@pytest.mark.parametrize("text", ["", "0", "-3", "soon", "nan"])
def test_a_timeout_that_is_no_time_is_refused(monkeypatch, text):
    monkeypatch.setenv("WANN_WORKER_TIMEOUT", text)
    with pytest.raises(wann.ConfigError, match=r"^\$WANN_WORKER_TIMEOUT must be a number of seconds above 0"):
        Workers("CartPole-v1")


@pytest.mark.parametrize(("said", "advised"), [("run `pip install box2d`", True), ("run `pip install mujoco`", False)])
def test_the_extra_box2d_is_advised_where_it_helps(monkeypatch, said, advised):
    def make(name):
        raise gymnasium.error.DependencyNotInstalled(said)

    monkeypatch.setattr(gymnasium, "make", make)
    with pytest.raises(wann.ConfigError, match=f"needs more: .*{said}") as caught:
        wann.make_task("gymnasium:Some-v0")
    assert ("wann_jax[box2d]" in str(caught.value)) == advised
