"""The command line, in one process: runs, resuming, Ctrl-C, evaluation, and one line for every mistake."""

import contextlib
import gzip
import io
import json
import re
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path

import gymnax
import numpy as np
import pytest
from gymnax.environments import spaces

import wann_jax
from tests.cli.helpers import SEARCH, TINY, assert_same_run, rows
from tests.helpers import native_runs
from wann_jax.cli import main, run
from wann_jax.cli.searching import FRESH_SEED
from wann_jax.envs.cartpole_swingup import CartPoleSwingUp
from wann_jax.networks.files import load_info
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.settings import RunSettings
from wann_jax.zoo import FOLDER as ZOO

# |x1 - x2| at weight 1: x1 -> h2, x2 -> h1 (inverse) -> h2 (abs) -> output; bias off.
XOR_MATRIX = "0,0,0,0,0,nan,1\n0,0,0,0,1,0,1\n0,0,0,1,0,0,1\n0,0,0,0,1,0,7\n0,0,0,0,0,1,8\n0,0,0,0,0,0,1\n"


@pytest.fixture(scope="module", autouse=True)
def no_unused_accelerator(tmp_path_factory):
    """Of an accelerator that JAX does not see a search would tell: see test_devices.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wann_jax.cli.devices.DEVICE_FILES", tmp_path_factory.mktemp("dev"))
        yield


class TestSearch:
    def test_it_leaves_a_whole_run_directory(self, finished):
        path, out, err = finished
        assert err == ""
        names = sorted(file.name for file in path.iterdir())
        parts = ["champion.json", "champions", "checkpoints", "config.json", "metrics.csv", "metrics.jsonl"]
        assert names == parts
        assert sorted(file.name for file in (path / "checkpoints").iterdir()) == ["12", "8"]
        assert [row["generation"] for row in rows(path)] == list(range(12))
        settings = RunDirectory.open(path).read_settings()
        wanted = wann_jax.SearchConfig.preset("xor", "quick", population_size=24, champion_candidates=3, generations=12)
        assert settings == RunSettings("xor", {}, 3, wanted, 4)
        info = json.loads((path / "champion.json").read_text())["info"]
        facts = {"task": "xor", "seed": 3, "generation": 12, "score": rows(path)[-1]["champion_score"]}
        assert info == facts | {"shared_weights": list(wanted.shared_weights)}
        assert out.splitlines()[0].strip() == "xor: champion"
        assert out.splitlines()[-2:] == [f"written: {path}", f"look at it: wann report {path}"]
        weights, task = wanted.shared_weights, wann_jax.make_task("xor")
        scores = wann_jax.evaluate(task, [wann_jax.load_network(path)], weights, seed=FRESH_SEED).mean((0, 2))
        table = [line.split()[1:4:2] for line in out.splitlines() if line.split()[-2:-1] == ["100"]]
        assert table == [[f"{weight:g}", f"{mean:.4g}"] for weight, mean in zip(weights, scores, strict=True)]

    def test_the_same_seed_gives_the_same_run(self, wann, finished, tmp_path):
        assert wann(*SEARCH, "--out", tmp_path / "again")[0] == 0
        assert_same_run(tmp_path / "again", finished[0])

    def test_an_existing_run_is_refused_and_left_alone(self, wann, finished):
        before = {file: file.read_bytes() for file in finished[0].rglob("*") if file.is_file()}
        status, out, err = wann("search", "xor", *TINY, "--out", finished[0])
        assert (status, out) == (2, "")
        assert err.startswith("wann: out must be a directory that is new or empty, nothing is overwritten")
        assert {file: file.read_bytes() for file in finished[0].rglob("*") if file.is_file()} == before

    def test_a_search_goes_on_from_a_network_even_if_killed_before_a_checkpoint(self, wann, tmp_path):
        arguments = ("search", "xor", *TINY, "--generations", "2", "--initial", "xor", "--max-changes", "2")
        assert wann(*arguments, "--out", tmp_path / "run")[0] == 0
        given = json.loads((ZOO / "xor.json").read_text())
        kept = json.loads((tmp_path / "run" / "initial.json").read_text())
        assert (kept["nodes"], kept["connections"]) == (given["nodes"], given["connections"])
        assert json.loads((tmp_path / "run" / "config.json").read_text())["initial"] == "xor"
        assert rows(tmp_path / "run")[0]["hidden_mean"] == len(given["nodes"]) - 4
        shutil.copytree(tmp_path / "run", tmp_path / "killed")
        shutil.rmtree(tmp_path / "killed" / "checkpoints")
        assert wann("resume", tmp_path / "killed")[0] == 0
        assert_same_run(tmp_path / "killed", tmp_path / "run")

    def test_a_try_that_fails_leaves_its_place_free(self, wann, tmp_path, monkeypatch):
        def fail(*arguments):
            raise wann_jax.ConfigError("the first generation must work; got this")

        with monkeypatch.context() as patch:
            patch.setattr("wann_jax.runs.runner.dispatches", fail)
            assert wann(*SEARCH, "--out", tmp_path / "run")[0] == 2
        assert not (tmp_path / "run").exists()
        assert wann(*SEARCH, "--out", tmp_path / "run")[0] == 0


class TestResume:
    def test_a_champion_is_judged_anew_where_its_score_means_something_else(self, wann, finished, tmp_path):
        shutil.copytree(finished[0], tmp_path / "run")
        old = json.loads((tmp_path / "run" / "champion.json").read_text())["info"]
        assert wann("resume", tmp_path / "run", "--shared-weights=40,50", "--generations", "20")[0] == 0
        new = json.loads((tmp_path / "run" / "champion.json").read_text())["info"]
        assert new["shared_weights"] == [40.0, 50.0]
        assert new["score"] != old["score"]
        network = wann_jax.load_network(tmp_path / "run")
        scores = wann_jax.evaluate(wann_jax.make_task("xor"), [network], [40.0, 50.0], episodes=1)
        np.testing.assert_allclose(new["score"], scores.mean(), rtol=1e-5)

    def test_a_longer_run_equals_one_that_was_long_from_the_start(self, wann, finished, tmp_path):
        path = tmp_path / "run"
        assert wann(*SEARCH[:-1], "5", "--out", path)[0] == 0
        assert len(rows(path)) == 5
        assert wann("resume", path, "--generations", "12")[0] == 0
        assert_same_run(path, finished[0])
        assert (path / "config.json").read_bytes() == (finished[0] / "config.json").read_bytes()

    def test_checkpoints_are_made_as_before_or_as_told(self, wann, finished, tmp_path):
        path, names = tmp_path / "run", ("checkpoint_interval", "checkpoint_minutes", "keep_checkpoints")

        def kept():
            config = json.loads((path / "config.json").read_text())
            files = sorted(int(file.name) for file in (path / "checkpoints").iterdir())
            return [config[name] for name in names], files, config["changes"]

        assert wann(*SEARCH, "--checkpoint-minutes", "7", "--out", path)[0] == 0
        assert kept() == ([4, 7.0, 2], [8, 12], [])
        assert wann("resume", path, "--generations", "14")[0] == 0
        assert kept() == ([4, 7.0, 2], [12, 14], [])
        changed = ("--checkpoint-interval", "1", "--checkpoint-minutes", "5", "--keep-checkpoints", "3")
        assert wann("resume", path, "--generations", "16", *changed)[0] == 0
        assert kept() == ([1, 5.0, 3], [14, 15, 16], [])  # a search's result does not depend on them
        assert rows(path)[:12] == rows(finished[0])

    def test_settings_can_change_from_a_generation_on(self, wann, tmp_path):
        path = tmp_path / "run"
        assert (
            wann("search", "gymnax:Pendulum-v1", *TINY, "--generations", "2", "--max-steps", "5", "--out", path)[0] == 0
        )
        changed = ("--generations", "4", "--max-steps", "9", "--elite-fraction", "0.5")
        assert wann("resume", path, *changed)[0] == 0
        config = json.loads((path / "config.json").read_text())
        assert config["task_options"] == {"max_steps": 9}
        assert (config["config"]["generations"], config["config"]["elite_fraction"]) == (4, 0.5)
        assert config["changes"] == [{"generation": 2, "elite_fraction": 0.05, "max_steps": 5}]
        work = [row["work"] for row in rows(path)]
        assert work[2:] == [work[0] * 9 / 5] * 2
        # The score of the old champion was of other episodes; JSON has no -Infinity.
        assert rows(path)[3]["champion_score"] is None

    def test_ctrl_c_ends_cleanly_and_the_run_goes_on(self, wann, finished, monkeypatch):
        append, handler = RunDirectory.append_metrics, signal.signal(signal.SIGINT, signal.SIG_IGN)
        path = Path("runs") / "xor-quick-3"  # where a run goes without --out

        def append_and_interrupt(run, dispatch):
            append(run, dispatch)
            if dispatch.metrics.generation[-1] == 1:
                signal.raise_signal(signal.SIGINT)

        with monkeypatch.context() as patch:
            patch.setattr(RunDirectory, "append_metrics", append_and_interrupt)
            status, out, err = wann(*SEARCH)
        assert signal.signal(signal.SIGINT, handler) is signal.SIG_IGN  # as it was before
        assert (status, out) == (130, "")
        assert err == f"stopped after generation 2; go on with: wann resume {path}\n"
        assert [file.name for file in (path / "checkpoints").iterdir()] == ["2"]
        assert wann("resume", path)[0] == 0
        assert_same_run(path, finished[0])

    def test_ctrl_c_elsewhere_is_one_line_too(self, wann, monkeypatch):
        monkeypatch.setattr(
            "wann_jax.cli.measuring.make_task", lambda *args, **options: signal.raise_signal(signal.SIGINT)
        )
        told = None
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background begin without it
        with contextlib.suppress(KeyboardInterrupt):  # it would end all tests
            told = wann("evaluate", "none", "--task", "xor")
        signal.signal(signal.SIGINT, before)
        assert told == (130, "", "wann: stopped\n")

    @pytest.mark.parametrize("lost", ["checkpoints/12", "checkpoints"])
    def test_a_killed_run_goes_on_from_its_last_checkpoint_or_the_start(self, wann, finished, tmp_path, lost):
        path = tmp_path / "run"
        shutil.copytree(finished[0], path)
        shutil.rmtree(path / lost)
        (path / "champion.json").unlink()
        whole = (path / "metrics.jsonl").read_text()
        (path / "metrics.jsonl").write_text(whole[:-40])  # killed within the last row
        assert wann("resume", path)[0] == 0
        assert_same_run(path, finished[0])
        # Nothing is left to do: the same report again.
        assert wann("resume", path) == (0, finished[1].replace(str(finished[0]), str(path)), "")


class TestEvaluate:
    def test_json_holds_the_scores_of_any_network_file(self, wann, finished, tmp_path):
        for name, num_nodes, links in (("swingup.out", 7, ([0, 5], [6, 6])), ("digits.out", 75, ([20, 37], [65, 68]))):
            matrix = np.zeros((num_nodes, num_nodes + 1))
            matrix[links] = matrix[:, -1] = 1
            np.savetxt(tmp_path / name, matrix, delimiter=",")
        champion = finished[0] / "champion.json"
        cases = ((finished[0], "xor", 3, {}), (champion, "xor", 3, {}), (tmp_path / "digits.out", "digits", 1, {}))
        for path, name, episodes, options in (*cases, (tmp_path / "swingup.out", "swingup", 3, {"max_steps": 15})):
            words = [f"--{option.replace('_', '-')}={value}" for option, value in options.items()]
            words += ["--weights=-1,1,2", "--seed=9", "--json"]
            words.append("--split=test" if name == "digits" else "--episodes=3")
            status, out, _ = wann("evaluate", path, "--task", name, *words)
            task, document = wann_jax.make_task(name, **options), json.loads(out)
            network = wann_jax.load_network(path, task.num_inputs, task.num_outputs)
            scores = wann_jax.evaluate(task, [network], (-1.0, 1.0, 2.0), 3, 9, "test")[0]
            facts = (str(path), name, task.score_name, int(network.num_connections))
            assert (status, *(document[key] for key in ("network", "task", "score", "num_connections"))) == (0, *facts)
            assert document["weights"] == [
                {"weight": weight, "mean": float(row.mean()), "std": float(row.std()), "episodes": episodes}
                for weight, row in zip((-1.0, 1.0, 2.0), scores, strict=True)
            ]
            assert (document["mean"], document["std"]) == (float(scores.mean()), float(scores.std()))

    def test_the_table_is_as_worked_out_by_hand(self, wann, tmp_path):
        """The answers are all 0, then right, then 1 but for (0, 0)."""
        (tmp_path / "net.out").write_text(XOR_MATRIX)
        status, out, err = wann("evaluate", "net.out", "--task", "xor", "--weights=-1,1,2", "--episodes", "3")
        assert (status, err) == (0, "")
        table = [line.replace("│", " ").split() for line in out.splitlines() if line.startswith("│")]
        assert table == [
            ["-1", "0.5", "0", "3"],
            ["1", "1", "0", "3"],
            ["2", "0.75", "0", "3"],
            ["all", "0.75", "0.204"],
        ]
        assert out.splitlines()[-1] == "4 connections, 6 nodes (2 hidden)"


def test_tasks_lists_them_all(wann):
    status, out, err = wann("tasks")
    assert (status, err) == (0, "")
    names = [line.split()[0] for line in out.splitlines()]
    families = ["gymnax:NAME", "gymnasium:NAME", "classify:PATH"]
    assert names == ["biped", "carracing", "swingup", "digits", "mnist", "xor", *families]


def test_settings_of_islands_are_options_of_a_search(wann, capsys):
    with pytest.raises(SystemExit):
        wann("search", "--help")
    out = capsys.readouterr().out
    assert all(f"--{name} INT" in out for name in ("islands", "migration-interval", "migrants"))


def test_version_usage_and_exit_status(wann, monkeypatch):
    status, out, err = wann()
    assert (status, out.split()[:3], err) == (0, ["usage:", "wann", "COMMAND"], "")
    assert wann("--help") == (0, out, "")
    script = Path(sys.executable).with_name("wann")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[0], done.stderr) == (0, f"wann_jax {wann_jax.__version__}", "")
    elsewhere = "pallas on newer NVIDIA GPUs, xla elsewhere"
    assert lines[1:] == [f"kernels: native on a CPU (c++), {elsewhere}" if native_runs() else "kernels: xla"]
    for name, value, told in (
        ("WANN_KERNELS", "xla", "xla (WANN_KERNELS)"),
        ("CXX", "none", f"xla on a CPU (no C++ compiler), {elsewhere}"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert wann("--version")[1].splitlines()[1] == f"kernels: {told}"
    monkeypatch.setattr(sys, "argv", ["wann", "zip"])
    with pytest.raises(SystemExit) as stop:
        run()
    assert stop.value.code == 2


class Unbounded(CartPoleSwingUp):
    def action_space(self, params=None):
        return spaces.Box(-np.inf, np.inf, (1,))


gymnax.register("Unbounded-test", Unbounded)


@pytest.fixture
def bad_files(tmp_path, finished):
    """A directory of unfit files, with the finished run as `run`."""
    shutil.copytree(finished[0], tmp_path / "run")
    for name in ("empty", "cut", "other"):
        (tmp_path / name).mkdir()
    images = b"\0\0\x08\x03" + struct.pack(">3I", 1, 28, 28) + bytes(28 * 28)
    (tmp_path / "cut" / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(images)[:-9])
    (tmp_path / "other" / "train-images-idx3-ubyte").write_bytes(images)
    np.savez(tmp_path / "negative.npz", x=np.zeros((20, 2)), y=np.arange(20) - 1)
    np.savez(tmp_path / "large.npz", x=np.zeros((20, 2)), y=np.arange(20) * 1000)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "large.npz").read_bytes()[:100])
    (tmp_path / "ragged.out").write_text("0,1\n0\n")
    (tmp_path / "cut.json").write_text((finished[0] / "champion.json").read_text()[:-40])


MISTAKES = {
    "search zip": "task must be one of biped, carracing, swingup, digits, mnist, xor, gymnax:NAME, gymnasium:NAME, "
    "classify:PATH; got 'zip'",
    "search": "task must be the first argument of wann search, or --config; got []",
    "search --seed 1 xor": "task must be the first argument of wann search, or --config; got ['--seed', '1', 'xor']",
    "search xor --preset zip": "preset must be one of quick, laptop, best, paper; got 'zip'",
    "search xor --zip 1": "Unrecognized options: --zip, 1; wann search --help tells the options",
    "search xor --population-size -3": "search.population_size must be a whole number, at least 1; got -3",
    "search xor --population-size 0": "search.population_size must be a whole number, at least 1; got 0",
    "search xor --generations 9999999999": "search.generations must be below 2**31; got 9999999999",
    "search xor --generations ten": "invalid literal for int() with base 10: 'ten'; wann search --help",
    "search xor --tournament-size 104": "between 1 and the 103 individuals left after culling; got 104",
    "search xor --add-node-rate inf": "search.add_node_rate must be",
    "search xor --seed -1": "seed must be between 0 and 2**63 - 1; got -1",
    "search xor --islands 3": "search.islands must be a divisor of the population size 128; got 3",
    "search xor --islands 4 --migrants 28": "search.migrants must be at most the 27 individuals of an island",
    "search xor --max-changes 0": "search.max_changes must be a whole number, at least 1; got 0",
    "search xor --initial none": "network file 'none' cannot be read",
    "search xor --initial swingup": "swingup.json: num_inputs must be 2; got 5",
    "search xor --out run": "nothing is overwritten (wann resume goes on with a run); got 'run'",
    "search xor --max-steps 5": "task.max_steps must be left out: task 'xor' has no such option; got 5",
    "search swingup --batch-size 5": "task.batch_size must be left out: task 'swingup' has no such option; got 5",
    "search swingup --max-steps 9999999999": "task.max_steps must be below 2**31; got 9999999999",
    "search mnist --data-dir cut": "cut/train-images-idx3-ubyte.gz cannot be read",
    "search mnist --data-dir other": "other/train-images-idx3-ubyte must be the file with SHA-256 ba8910",
    "search classify:empty": "data directory 'empty' must hold train-images-idx3-ubyte or",
    "search classify:negative.npz": "negative.npz: training labels must be at least 0; got -1",
    "search classify:large.npz": "large.npz: training labels must be below 1000; got 19000",
    "search classify:cut.npz": "cut.npz cannot be read as an .npz file",
    "search gymnax:zip": "gymnax environment must be one of CartPole-v1, Pendulum-v1",
    "search gymnax:FrozenLake-misc": "observation space must be a box; got Discrete(16, dtype=int32)",
    "search gymnax:Unbounded-test": "gymnax:Unbounded-test: action space must be bounded on both sides",
    "resume none": "run must be a directory that holds a run (config.json); got 'none'",
    "resume": "run must be the first argument of wann resume; got 'nothing'",
    "resume run --elite-fraction 2": "search.elite_fraction must be at least 0 and below 1; got 2",
    "resume run --population-size 4 --champion-candidates 3 --tournament-size 2": "got 4",
    "resume run --crossover-probability 0.3": "search.crossover_probability must be 0, as before",
    "resume run --checkpoint-interval 0": "checkpoint_interval must be at least 1; got 0",
    "resume run --checkpoint-minutes nan": "checkpoint_minutes must be above 0; got nan",
    "resume run --keep-checkpoints 0": "keep_checkpoints must be at least 1; got 0",
    "resume run --generations 7": "generations must be at least the 12 already done; got 7",
    "evaluate run --split test": "split must be left out: scores of task 'xor' do not depend on it; got 'test'",
    "evaluate digits --episodes 3": "episodes must be left out: scores of task 'digits' do not depend on it; got 3",
    "protocol run --weights=1,2": "weights must be left out: scores of task 'xor' do not depend on it; got (1.0, 2.0)",
    "evaluate run --task xor --weights=1e300": "weights must be finite numbers, in 32 bits",
    "evaluate run --task xor --weights=1,a": "weights must be a list of numbers; got ['1', 'a']; wann evaluate --help",
    "evaluate run --task xor --seed -1": "seed must be between 0 and 2**63 - 1; got -1",
    "evaluate digits --split train": "split must be one of validation, test; got 'train'",
    "evaluate run --episodes 0": "episodes must be at least 1; got 0",
    "evaluate run --task swingup": "champion.json: num_inputs must be 5; got 2",
    "evaluate none --task xor": "network file 'none' cannot be read",
    "evaluate cut.json --task xor": "cut.json must be a network file in our format",
    "evaluate ragged.out --task xor": "ragged.out must be a matrix of N rows and N + 1 columns",
    "tasks zip": "arguments must be left out after wann tasks; got ['zip']",
    "zoo zip": "arguments must be left out after wann zoo; got ['zip']",
    "devices zip": "arguments must be left out after wann devices; got ['zip']",
    "unite --out joined.json": "networks must be at least one; got 0",
    "unite run cut.json --out joined.json": "cut.json must be a network file in our format",
    "unite run ragged.out --out joined.json": "networks must be run directories, network files of ours or names of the",
    "tune run --task xor --method es --horizon 3": "tune.horizon must be left at 100: es does not use it; got 3",
    "tune run --task xor --optimizer lbfgs": "tune.optimizer must be an optimiser of optax that takes a learning rate",
    "unite run run --out cut.json": "out must be a new file, nothing is overwritten",
    "tune run --task xor --method es --connections 3": "tune.connections must be 0, for all: only adam prunes; got 3",
    "protocol run --task xor --trials 1": "trials must be at least 10; got 1",
    "protocol run --task swingup": "champion.json: num_inputs must be 5; got 2",
    "protocol nothing --task xor": "network file 'nothing' cannot be read",
    "tune run --task xor --method magic": "method must be one of adam, es, cma, imitation; got 'magic'",
    "tune run --task xor --method imitation": "method must be adam, es or cma: 'xor' has no expert to imitate",
    "tune carracing --method adam": "method must be es or cma: 'carracing' has no gradients through its steps",
    "tune run --task xor --steps 0": "tune.steps must be a whole number, at least 1; got 0",
    "tune run --task xor --trials 3": "trials must be 0, or at least 10; got 3",
    "tune run --task xor --out cut.json": "out must be a new file, nothing is overwritten",
    "tune run --task xor --start 1 --again": "start must be left out with --again; got 1.0",
    "tune run --task xor --start inf": "start must be finite weights; got inf",
    "evaluate run --task xor --weights=": "weights must be at least one number; got ()",
    "tune run --task xor --again": "network must be one with weights, for --again; got 'run'",
    "tune run --task digits": "champion.json: num_inputs must be 64; got 2",
    "baseline magic --task xor": "baseline must be one of softmax",
    "baseline softmax --task xor": "baseline must be one of mlp-policy for task 'xor'; got 'softmax'",
    "baseline softmax --task digits --epochs 0": "baseline.epochs must be at least 1; got 0",
    "search digits --logit-deviation -1": "task.logit_deviation must be finite and at least 0; got -1.0",
    "search xor --connection-limit -1": "search.connection_limit must be a whole number, at least 0; got -1",
}


def test_every_mistake_is_told_in_one_line(wann, bad_files, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    for command, words in MISTAKES.items():
        status, out, err = wann(*command.split())
        assert (command, status, out) == (command, 2, "")
        assert err.startswith("wann: "), command
        assert words in err
        assert err.index("\n") == len(err) - 1, command
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_the_parsers_complaints_survive_any_encoding(monkeypatch, encoding):
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    assert main(["search", "xor", "--zip"]) == 2
    streams[1].flush()
    assert streams[1].buffer.getvalue() == b"wann: Unrecognized options: --zip; wann search --help tells the options\n"


def test_tuning_writes_a_network_with_weights_that_the_protocol_measures(wann, finished):
    path, *_ = finished
    tuning = [
        "--method",
        "es",
        "--steps",
        "20",
        "--validation-interval",
        "10",
        "--population-size",
        "16",
        "--episodes",
        "1",
        "--trials",
        "20",
    ]
    status, out, err = wann("tune", path, "--task", "xor", *tuning, "--out", "tuned.json")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "written: tuned.json"
    document = json.loads(Path("tuned.json").read_text())
    assert len(document["weights"]) == len(document["connections"])
    assert document["info"]["tuning"]["method"] == "es"
    assert [look["step"] for look in document["info"]["curve"]] == [0, 10, 20]

    status, *_ = wann("tune", path, "--task", "xor", *tuning, "--start", "0.3", "--out", "from.json")
    info = json.loads(Path("from.json").read_text())["info"]
    assert (status, info["tuning"]["start"]) == (0, 0.3)
    scores = wann_jax.evaluate(wann_jax.make_task("xor"), [wann_jax.load_network(path)], [0.3], episodes=1)
    assert info["curve"][0]["score"] == pytest.approx(scores.item(), abs=1e-6)

    options = ("--trials", "0", "--out", "no_rows.json", "--json")
    status, out, _ = wann("tune", path, "--task", "xor", *tuning, "--start", "0.3", *options)
    again = json.loads(Path("no_rows.json").read_text())
    assert (status, again["info"]["protocol"], json.loads(out)["rows"]) == (0, [], [])
    assert json.loads(out)["score"] == info["curve"][-1]["best"] == again["info"]["curve"][-1]["best"]

    status, out, _ = wann("protocol", "tuned.json", "--task", "xor", "--trials", "20", "--json")
    assert status == 0
    found = json.loads(out)
    assert found["rows"] == document["info"]["protocol"]
    tuned = {row["row"]: row for row in found["rows"]}["tuned weights"]
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    weights = np.asarray(document["weights"], np.float32)
    outputs = np.clip(wann_jax.forward(wann_jax.load_network("tuned.json"), weights, inputs)[:, 0], 0, 1)
    np.testing.assert_allclose(tuned["mean"], 1 - np.square(outputs - [0, 1, 1, 0]).mean(), rtol=1e-5)

    status, out, err = wann("tune", "tuned.json", "--task", "xor", *tuning, "--again")
    assert (status, err) == (0, "")
    assert Path("tuned-es.json").exists()


def test_a_tuned_network_lies_beside_the_one_it_was_tuned_from(wann, finished, tmp_path, monkeypatch):
    small = ("--method", "es", "--steps", "1", "--episodes", "1", "--validation-episodes", "1", "--start", "1")
    for place, given, made in ((".", "v1.2", "v1.2-es.json"), ("v1.3", ".", "v1.3-es.json")):
        path = tmp_path / (given if place == "." else place)
        path.mkdir()
        shutil.copy(finished[0] / "champion.json", path)
        monkeypatch.chdir(tmp_path / place)
        status, _, err = wann("tune", given, "--task", "xor", *small, "--trials", "0")
        assert (status, err, (tmp_path / made).is_file()) == (0, "", True)
    monkeypatch.chdir(tmp_path)
    shutil.copy("v1.2/champion.json", "net.v2.json")
    assert wann("tune", "net.v2.json", "--task", "xor", *small, "--trials", "0")[0] == 0
    assert Path("net.v2-es.json").is_file()


def test_a_matrix_in_the_originals_format_is_gone_on_from_with_its_weights(wann, tmp_path):
    """|c (a x1 + b d x2)| with weights a to d, row by row: right at c = 2, b d = -a = 0.5."""
    Path("net.out").write_text(XOR_MATRIX.replace("0,0,0,0,1,0,1", "0,0,0,0,-0.5,0,1", 1).replace("1,8", "2,8"))
    weights = wann_jax.load_weights("net.out", 2, 1)
    assert weights.tolist() == [-0.5, 1.0, 1.0, 2.0]
    status, out, err = wann("protocol", "net.out", "--task", "xor", "--trials", "10", "--json")
    tuned = {row["row"]: row for row in json.loads(out)["rows"]}["tuned weights"]
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    outputs = np.clip(wann_jax.forward(wann_jax.load_network("net.out", 2, 1), weights, inputs)[:, 0], 0, 1)
    assert (status, err) == (0, "")
    np.testing.assert_allclose(tuned["mean"], 1 - np.square(outputs - [0, 1, 1, 0]).mean(), rtol=1e-5)
    small = ("--method", "es", "--steps", "1", "--episodes", "1", "--validation-episodes", "1", "--trials", "0")
    assert wann("tune", "net.out", "--task", "xor", *small, "--again")[0] == 0
    curve = json.loads(Path("net-es.json").read_text())["info"]["curve"]
    np.testing.assert_allclose(curve[0]["score"], tuned["mean"], rtol=1e-5)
    status, _, err = wann("search", "xor", *TINY, "--generations", "1", "--initial", "net.out", "--out", "run")
    assert (status, err) == (0, "")
    assert json.loads(Path("run/initial.json").read_text())["connections"] == [[1, 5], [2, 4], [4, 5], [5, 3]]


def test_networks_side_by_side_are_a_network_to_go_on_from(wann, finished):
    path, *_ = finished
    status, out, err = wann("unite", path, "xor", "--out", "both.json")
    one, other = wann_jax.load_network(path), wann_jax.load_network("xor")
    both = wann_jax.load_network("both.json")
    counts = [int(network.num_connections) for network in (one, other, both)]
    assert (status, err, out.splitlines()[-1]) == (0, "", "written: both.json")
    assert out.startswith(f"{counts[2]} connections")
    assert max(counts[:2]) < counts[2] <= sum(counts[:2])
    assert json.loads(Path("both.json").read_text())["info"] == {"united": [str(path), "xor"]}


def test_lists_of_numbers_are_written_with_commas_in_tuning_too_which_prunes(wann, finished):
    path, *_ = finished
    settings = ["--learning-rates=0.03,0.1", "--shared-starts=-0.3,0.3", "--steps", "4", "--validation-interval", "2"]
    small = ["--episodes", "1", "--validation-episodes", "1", "--trials", "10", "--out", "lists.json"]
    status, out, _ = wann("tune", path, "--task", "xor", *settings, *small, "--connections", "1")
    document = json.loads(Path("lists.json").read_text())
    tuning = document["info"]["tuning"]
    assert status == 0
    assert "\n1 connections" in out
    assert len(document["weights"]) == len(document["connections"]) == 1
    assert (tuning["learning_rates"], tuning["shared_starts"]) == ([0.03, 0.1], [-0.3, 0.3])


def test_damaged_weights_are_refused(wann, finished):
    path, *_ = finished
    document = json.loads((path / "champion.json").read_text())
    for weights in ([1.0], "many", [None] * len(document["connections"])):
        Path("bad.json").write_text(json.dumps({**document, "weights": weights}))
        status, out, err = wann("protocol", "bad.json", "--task", "xor", "--trials", "10")
        assert (status, out) == (2, "")
        assert "bad.json: weights must be a list of" in err


def test_a_baseline_is_written(wann):
    words = ("baseline", "mlp-policy", "--task", "xor", "--steps", "2")
    status, out, _ = wann(*words, "--out", "baseline.json", "--json")
    assert status == 0
    document = json.loads(Path("baseline.json").read_text())
    assert json.loads(out) == document
    table = wann(*words)[1]
    assert re.search(rf"test return\s+\S\s+{document['test_return']:.4g} ", table)


def test_the_zoo_is_listed_and_its_names_are_networks(wann):
    status, out, _ = wann("zoo")
    assert status == 0
    names = [line.split()[0] for line in out.splitlines()]
    assert names
    for name in names:
        card = json.loads((Path(wann_jax.__file__).parent / "zoo" / f"{name}.json").read_text())["info"]
        assert {"task", "command", "seed", "protocol", "summary", "num_connections"} <= set(card)
        assert {"generation", "ternary", "imitation"} & set(card)  # by evolution, or by gradient
        assert int(wann_jax.load_genome(name).num_enabled) == card["num_connections"]
    for name in ("xor", "swingup52"):
        status, out, _ = wann("evaluate", name, "--task", name[:7], "--weights=1", "--episodes", "2", "--json")
        assert status == 0
        assert json.loads(out)["num_connections"] == int(wann_jax.load_genome(name).num_enabled)


def test_an_ensemble_is_of_the_weights_that_the_network_evolved_with(wann):
    evolved = load_info("digits")["shared_weights"]
    for given, members in (((), evolved), (("--weights=-1,1",), [-1.0, 1.0])):
        status, out, _ = wann("protocol", "digits", "--task", "digits", "--trials", "10", "--json", *given)
        assert status == 0
        named = {row["row"]: row for row in json.loads(out)["rows"]}
        assert named["ensemble, one vote each"]["members"] == members
