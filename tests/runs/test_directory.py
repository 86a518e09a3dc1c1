"""Run directories: settings, metrics, checkpoints; a resumed search equals an uninterrupted one to the bit."""

import csv
import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import assert_same, on_host
from wann_jax.errors import CheckpointError
from wann_jax.evolution.loop import Dispatch, dispatches, start
from wann_jax.evolution.metrics import GenerationMetrics
from wann_jax.genomes.genome import GenomeSpec, grow
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.settings import RunSettings

CONFIG = wann.SearchConfig.preset("xor", "quick", population_size=24, generations=4, champion_candidates=3)
SETTINGS = RunSettings(task="xor", task_options={}, seed=3, config=CONFIG, checkpoint_interval=2)


def refused(call, *words):
    """That `call` raises CheckpointError, in one line that holds all the words."""
    with pytest.raises(CheckpointError) as error:
        call()
    text = str(error.value)
    assert "\n" not in text
    assert [str(word) for word in words if str(word) not in text] == [], text


def made_up_dispatch(generations, seconds=0.5):
    """Generations whose every column counts up from its own start."""
    names = [field.name for field in dataclasses.fields(GenerationMetrics)]
    whole = ("generation", "best_connections", "best_hidden", "num_fronts", "num_overflows", "num_non_finite")
    columns = {
        name: jnp.asarray([index * 100 + g for g in generations], jnp.int32 if name in whole else jnp.float32)
        for index, name in enumerate(names)
    }
    return Dispatch(None, GenerationMetrics(**columns), seconds, False), names


@pytest.fixture
def run(tmp_path):
    return RunDirectory.create(tmp_path / "deep" / "run", SETTINGS)


class TestSettings:
    def test_they_come_back_as_they_were(self, tmp_path):
        config = dataclasses.replace(CONFIG, shared_weights=(-1.5, 0.25), simplicity_probability=0.0)
        settings = RunSettings("swingup", {"max_steps": 7}, 2**62, config, 11)
        run = RunDirectory.create(tmp_path / "run", settings)
        assert RunDirectory.open(run.path).read_settings() == settings
        task = settings.make_task()
        assert (task.name, task.env_params.max_steps_in_episode) == ("swingup", 7)
        document = json.loads((run.path / "config.json").read_text())
        assert {name: document[name] for name in ("format", "version", "wann_jax", "jax", "seed")} == {
            "format": "wann_jax.run",
            "version": 1,
            "wann_jax": wann.__version__,
            "jax": jax.__version__,
            "seed": 2**62,
        }
        assert [file.name for file in run.path.iterdir()] == ["config.json"]

    def test_a_directory_that_holds_anything_is_refused(self, tmp_path, run):
        before = (run.path / "config.json").read_bytes()
        other = dataclasses.replace(SETTINGS, seed=4)
        refused(lambda: RunDirectory.create(run.path, other), run.path, "new or empty", "nothing is overwritten")
        assert (run.path / "config.json").read_bytes() == before
        file = tmp_path / "file"
        file.write_text("mine")
        refused(lambda: RunDirectory.create(file, SETTINGS), file, "new or empty")
        refused(lambda: RunDirectory.create(file / "run", SETTINGS), file / "run", "can be written")
        assert file.read_text() == "mine"
        (tmp_path / "empty").mkdir()
        assert RunDirectory.create(tmp_path / "empty", SETTINGS).read_settings() == SETTINGS

    def test_a_directory_without_a_run_cannot_be_opened(self, tmp_path):
        for path in (tmp_path, tmp_path / "none"):
            refused(lambda path=path: RunDirectory.open(path), path, "holds a run (config.json)")

    @pytest.mark.parametrize(
        "damage",
        [
            lambda document: b'{"format"',
            lambda document: b"\xff\xfe",
            lambda document: b"[]",
            lambda document: b"7",
            *(
                lambda document, name=name: {key: value for key, value in document.items() if key != name}
                for name in ("format", "version", "task", "task_options", "seed", "config")
            ),
            lambda document: document | {"config": document["config"] | {"colour": 1}},
            lambda document: document | {"config": document["config"] | {"shared_weights": 7}},
            lambda document: document | {"config": document["config"] | {"generations": "many"}},
            lambda document: document | {"config": document["config"] | {"population_size": -2}},
            lambda document: document | {"checkpoint_interval": 0},
            lambda document: document | {"task_options": ["max_steps"]},
            lambda document: document | {"task_options": {"colour": 1}},
            lambda document: document | {"seed": -1},
            lambda document: document | {"logs": 3},
            lambda document: document | {"checkpoint_interval": 1.5},
            lambda document: document | {"checkpoint_minutes": "soon"},
            lambda document: document | {"keep_checkpoints": 0},
            lambda document: document | {"task": 7},
            lambda document: document | {"kernels": []},
            lambda document: document | {"config": document["config"] | {"weight_jitter": 10**400}},
            lambda document: document | {"task": ["xor"]},
            lambda document: document | {"seed": 1.5},
            lambda document: document | {"plugins": [7]},
            lambda document: document | {"changes": [{"elite_fraction": 0.1}]},
            lambda document: document | {"config": document["config"] | {"elite_fraction": "half"}},
            lambda document: document | {"config": document["config"] | {"weight_jitter": [1]}},
            lambda document: document | {"config": document["config"] | {"activations": [[7]]}},
            lambda document: document | {"config": document["config"] | {"objectives": 7}},
            lambda document: document | {"config": document["config"] | {"shared_weights": [10**400]}},
            lambda document: document | {"config": 5},
            lambda document: b"[" * 100_000,
        ],
        ids=range(36),
    )
    def test_damaged_settings_are_refused(self, run, damage):
        path = run.path / "config.json"
        changed = damage(json.loads(path.read_text()))
        path.write_bytes(changed if isinstance(changed, bytes) else json.dumps(changed).encode())
        refused(run.read_settings, path, "must be a run's settings")

    def test_another_version_is_refused(self, run):
        path = run.path / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2}))
        refused(run.read_settings, "run format must be ('wann_jax.run', 1); got ('wann_jax.run', 2)")


class TestMetrics:
    def test_rows_are_appended_in_order_with_every_column(self, run):
        assert run.read_metrics() == []
        for generations in ([0], [1, 2, 3]):
            dispatch, names = made_up_dispatch(generations)
            run.append_metrics(dispatch)
        rows = run.read_metrics()
        assert len((run.path / "metrics.jsonl").read_text().splitlines()) == 4
        for generation, row in enumerate(rows):
            seconds = 0.5 if generation == 0 else round(0.5 / 3, 6)
            wanted = {name: index * 100 + generation for index, name in enumerate(names)}
            assert row == wanted | {"seconds": seconds}
            assert type(row["generation"]) is int

    def test_numbers_that_are_not_finite_are_null_and_read_again(self, run):
        dispatch, _ = made_up_dispatch([0, 1])
        worst = jnp.array([-jnp.inf, jnp.nan], jnp.float32)
        run.append_metrics(dispatch._replace(metrics=dataclasses.replace(dispatch.metrics, return_max=worst)))
        run.cut_back(2)
        lines = (run.path / "metrics.jsonl").read_text().splitlines()
        rows = [json.loads(line, parse_constant=pytest.fail) for line in lines]
        assert [row["return_max"] for row in rows] == [None, None]
        assert run.read_metrics() == rows

    @pytest.mark.parametrize("generation", [0, 2, 9])
    def test_cutting_drops_later_rows_only(self, run, generation):
        run.append_metrics(made_up_dispatch(range(4))[0])
        rows = run.read_metrics()
        run.cut_back(generation)
        assert run.read_metrics() == rows[:generation]

    @pytest.mark.parametrize("generation", [0, 2, 9])
    def test_the_table_says_the_same_also_after_a_cut(self, run, generation):
        dispatch, _ = made_up_dispatch(range(4), seconds=0.7)
        worst = jnp.array([-jnp.inf, 0.1, jnp.nan, 3.0], jnp.float32)
        run.append_metrics(dispatch._replace(metrics=dataclasses.replace(dispatch.metrics, champion_score=worst)))
        assert_table_says(run, run.read_metrics(), 4)
        run.cut_back(generation)
        assert_table_says(run, run.read_metrics(), min(generation, 4))
        run.append_metrics(made_up_dispatch(range(generation, 6))[0] if generation < 6 else dispatch)
        assert_table_says(run, run.read_metrics(), 6 if generation < 6 else 8)

    @pytest.mark.parametrize("seed", range(2))
    def test_no_row_is_lost_in_silence_whatever_is_damaged(self, run, capsys, seed):
        run.append_metrics(made_up_dispatch(range(12))[0])
        path, rows, random = run.path / "metrics.jsonl", run.read_metrics(), np.random.default_rng(seed)
        whole = path.read_bytes()
        for _ in range(60):
            content = bytearray(whole)
            if random.random() < 0.2:
                content = content[: random.integers(len(content))]
            for place in random.integers(len(content), size=random.integers(1, 4)) if content else ():
                content[place] = random.integers(256)
            path.write_bytes(bytes(content))
            run.cut_back(12)
            words, found = capsys.readouterr().err, [row["generation"] for row in run.read_metrics()]
            assert found == sorted({*found})
            assert bool(words) == (found != list(range(12))), (found, words)
            assert words.count("\n") == bool(words)
            assert len([row for row in run.read_metrics() if row not in rows]) <= 3  # a digit may have changed
            assert "kept as" not in words or (run.path / "metrics.jsonl.damaged").read_bytes() == content

    def test_a_row_that_was_only_half_written_is_dropped(self, run):
        """As a power failure leaves it: the checkpoint is older, so that the row will be written again."""
        run.append_metrics(made_up_dispatch(range(3))[0])
        rows = run.read_metrics()
        path = run.path / "metrics.jsonl"
        path.write_text(path.read_text()[:-30])
        run.cut_back(2)
        assert run.read_metrics() == rows[:2]


def assert_table_says(run, rows, count):
    """That metrics.csv holds these rows, so many, under one line of names."""
    with (run.path / "metrics.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(rows) == count
    for found, row in zip(table, rows, strict=True):
        assert [*found] == [*row]
        assert {name: json.loads(text or "null") for name, text in found.items()} == row


def advance(task, settings, state, generations, cut=None):
    """Metrics of the generations up to `generations`, and the state after them."""
    config = dataclasses.replace(settings.config, generations=generations)
    seen = []
    for dispatch in dispatches(task, config, state, cut):
        seen.append(dispatch.metrics)
        state = dispatch.state
    return jax.tree.map(lambda *parts: np.concatenate(parts), *seen), state


class TestCheckpoints:
    @pytest.mark.parametrize("crossover", [0.0, 0.5])
    def test_resuming_equals_going_on_whatever_the_dispatches(self, tmp_path, crossover):
        config = dataclasses.replace(CONFIG, crossover_probability=crossover)
        run = RunDirectory.create(tmp_path / "run", dataclasses.replace(SETTINGS, config=config))
        task = SETTINGS.make_task()
        whole, last = advance(task, run.read_settings(), start(task, config, 3), 4)
        first, state = advance(task, run.read_settings(), start(task, config, 3), 2)
        run.save(state)
        saved = on_host(state)
        for cut in (None, 1, 3):
            loaded = RunDirectory.open(run.path).load(task, run.read_settings())
            assert loaded.genomes.spec == state.genomes.spec
            assert_same(loaded, saved)
            rest, resumed = advance(task, run.read_settings(), loaded, 4, cut)
            assert_same(resumed, last)
            assert_same(jax.tree.map(lambda *parts: np.concatenate(parts), first, rest), whole)
        assert whole.generation.tolist() == [0, 1, 2, 3]

    def test_the_newest_of_two_kept_is_loaded_with_its_sizes(self, run):
        task = SETTINGS.make_task()
        state = start(task, CONFIG, 3)
        wide = GenomeSpec.for_task(2, 1, task.hidden_activations, 64)
        state = state.replace(genomes=grow(state.genomes, wide), champion=grow(state.champion, wide))
        (run.path / "checkpoints" / "0.written.orbax-checkpoint-tmp" / "state").mkdir(parents=True)  # by a killed run
        for generation in (1, 2, 3):
            state = state.replace(generation=jnp.int32(generation), champion_score=jnp.float32(generation / 3))
            run.save(state)
        assert sorted(path.name for path in (run.path / "checkpoints").iterdir()) == ["2", "3"]
        loaded = run.load(task, SETTINGS)
        assert loaded.genomes.spec == wide
        assert_same(loaded, state)

    def test_what_a_killed_process_left_of_a_checkpoint_goes_with_the_next(self, run):
        state = start(SETTINGS.make_task(), CONFIG, 3)
        for name in ("0.written", "7.written.orbax-checkpoint-tmp-12"):
            (run.path / "checkpoints" / name / "state").mkdir(parents=True)
        run.save(state)
        assert [file.name for file in (run.path / "checkpoints").iterdir()] == ["0"]

    def test_missing_or_unfit_checkpoints_are_refused(self, run):
        task = SETTINGS.make_task()
        assert not run.has_checkpoint()
        refused(lambda: run.load(task, SETTINGS), "a directory that holds a checkpoint", run.path)
        run.save(start(task, CONFIG, 3))
        assert run.has_checkpoint()
        other = dataclasses.replace(SETTINGS, config=dataclasses.replace(CONFIG, population_size=20))
        refused(lambda: run.load(task, other), "config.population_size must be the checkpoint's, 24; got 20")
        for changed, words in (
            ({"num_inputs": 3}, "task.num_inputs must be the checkpoint's, 2; got 3"),
            ({"num_outputs": 4}, "task.num_outputs must be the checkpoint's, 1; got 4"),
            ({"hidden_activations": (1, 5)}, "task.hidden_activations must be the checkpoint's"),
        ):
            refused(lambda changed=changed: run.load(dataclasses.replace(task, **changed), SETTINGS), words)
        (run.path / "checkpoints" / "0" / "sizes" / "metadata").write_text("{")
        refused(lambda: run.load(task, SETTINGS), f"checkpoint {run.path / 'checkpoints' / '0'} cannot be read")

    def test_whatever_is_damaged_of_a_checkpoint_the_one_before_it_is_loaded(self, run, capsys):
        task = SETTINGS.make_task()
        state = start(task, CONFIG, 3)
        for generation in (1, 2):
            run.save(state.replace(generation=jnp.int32(generation)))
        folder, random = run.path / "checkpoints" / "2", np.random.default_rng(0)
        files = sorted(file for file in folder.rglob("*") if file.is_file() and file.stat().st_size)
        for file in [files[index] for index in random.permutation(len(files))[:8]]:
            whole = file.read_bytes()
            flipped = bytearray(whole)
            flipped[random.integers(len(whole))] ^= 1 << random.integers(8)
            for content in (whole[: random.integers(len(whole))], bytes(flipped)):
                file.write_bytes(content)
                loaded, words = run.load(task, SETTINGS), capsys.readouterr().err
                assert_same(loaded.replace(generation=state.generation), state)
                assert (int(loaded.generation), words.count("\n")) == (1, 1)
                assert words.startswith(f"checkpoint {folder} cannot be read (its ")
                assert str(file.relative_to(folder)) in words or file.name == "sha256.json"
            file.write_bytes(whole)
        assert int(run.load(task, SETTINGS).generation) == 2

    def test_a_damaged_checkpoint_stands_in_the_way_of_no_other(self, run, capsys):
        """What orbax finds in one made it refuse to read or write the others."""
        task = SETTINGS.make_task()
        state = start(task, CONFIG, 3)
        run.save(state)
        folder = run.path / "checkpoints"
        metadata = folder / "0" / "_CHECKPOINT_METADATA"
        metadata.write_text(json.dumps(dict.fromkeys(json.loads(metadata.read_text()), "?")))
        run.save(state.replace(generation=jnp.int32(1)))
        assert int(run.load(task, SETTINGS).generation) == 1
        assert capsys.readouterr().err == ""
        for wrong in ("{", "[]", "[1]", '{"a": 1}'):
            (folder / "1" / "sha256.json").write_text(wrong)
            refused(lambda: run.load(task, SETTINGS), f"checkpoint {folder / '1'} cannot be read (its ")

    def test_arrays_that_can_be_read_but_are_others_are_noticed(self, run, capsys, monkeypatch):
        task = SETTINGS.make_task()
        state = start(task, CONFIG, 3)
        run.save(state)
        with monkeypatch.context() as patch:
            patch.setattr("wann_jax.runs.checkpoints._sha256_of_arrays", lambda tree: "0" * 64)
            run.save(state.replace(generation=jnp.int32(1)))
        assert int(run.load(task, SETTINGS).generation) == 0
        assert "1 cannot be read (its arrays are not those that were written)" in capsys.readouterr().err

    def test_a_run_keeps_its_random_numbers_whatever_the_users_setting_is_now(self, run):
        task = SETTINGS.make_task()
        state = start(task, CONFIG, 3)
        run.save(state)
        with jax.default_prng_impl("rbg"):
            loaded = run.load(task, SETTINGS)
        assert jax.random.key_impl(loaded.key) == jax.random.key_impl(state.key)
        assert_same(loaded, state)

    def test_the_champion_is_written_with_its_facts(self, run):
        task = SETTINGS.make_task()
        state = start(task, CONFIG, 3)
        run.write_champion(state.replace(champion_score=jnp.float32(0.25)), SETTINGS)
        document = json.loads((run.path / "champion.json").read_text())
        facts = {"task": "xor", "seed": 3, "generation": 0, "score": 0.25}
        assert document["info"] == facts | {"shared_weights": list(CONFIG.shared_weights)}
        assert len(document["connections"]) == int(state.champion.num_enabled)
        assert len(document["connections"] + document["disabled_connections"]) == 3
