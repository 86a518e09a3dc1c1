"""Native code: when it is used, compiled, told of, remembered and trusted. Compilers are often small scripts."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from wann_jax import native
from wann_jax.envs.bipedal import contacts as walker_contacts
from wann_jax.envs.bipedal.natively import WALKER
from wann_jax.envs.car_racing import dynamics, lens
from wann_jax.envs.car_racing.drive import CAR
from wann_jax.envs.car_racing.picture import PICTURE
from wann_jax.errors import ConfigError
from wann_jax.genomes import activation_ids, genome, population
from wann_jax.genomes.population import BREED
from wann_jax.kernels import losses
from wann_jax.kernels import native as kernels
from wann_jax.kernels.losses import LOSS
from wann_jax.kernels.native import FORWARD, SAMPLES
from wann_jax.native import Library, compiler, store
from wann_jax.networks import network
from wann_jax.networks.compiling import EXPRESS

ROOT = Path(__file__).parents[2]
needs_compiler = pytest.mark.skipif(not native.available(), reason="no C++ compiler")


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A cache of its own, and what a fresh process would say of native code under these settings."""
    monkeypatch.setenv("WANN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(native, "available", native.available.__wrapped__)

    def available(choice="auto", command=None):
        monkeypatch.setenv("WANN_KERNELS", choice)
        if command is not None:
            monkeypatch.setenv("CXX", str(command))
        return native.available()

    return available


@pytest.fixture
def source(monkeypatch, tmp_path):
    """Makes a library of a small source; it is not among the others."""
    folder = tmp_path / "sources"
    folder.mkdir()
    monkeypatch.setattr(compiler, "FOLDER", folder)
    monkeypatch.setattr(native, "LIBRARIES", [])

    def library(text='extern "C" int small() { return WANN_NUMBER; }', number=1):
        (folder / "small.cc").write_text(text)
        return Library("small", "small", seconds=1, constants=lambda: {"number": number})

    return library


@pytest.fixture(autouse=True)
def no_registration(monkeypatch):
    monkeypatch.setattr(jax.ffi, "register_ffi_target", lambda *_, **__: None)


def script(path, text):
    """A compiler that passes the trial, notes each call in calls.txt beside it, and then does as `text` says."""
    path.write_text(
        f'#!/bin/sh\necho "$@" >> {path.parent}/calls.txt\ncase "$*" in *-fsyntax-only*) exit 0;; esac\n{text}\n'
    )
    path.chmod(0o755)
    return path


def calls(path):
    """Of the script, trials left out."""
    return [line for line in (path.parent / "calls.txt").read_text().splitlines() if "-fsyntax-only" not in line]


class TestChoice:
    def test_the_variable_decides(self, fresh):
        assert fresh("xla") is False
        with pytest.raises(ConfigError, match=r"^\$WANN_KERNELS must be one of auto, native, pallas, xla; got 'yes'$"):
            fresh("yes")

    def test_without_a_compiler_there_is_the_other_kernel(self, fresh, tmp_path, capsys):
        for command in ("false", tmp_path / "none"):
            assert fresh("auto", command) is False
            told = capsys.readouterr().err
            assert told.startswith("going on without native kernels, more slowly: ")
            assert told.count("\n") == 1
            with pytest.raises(ConfigError, match=r"^\$WANN_KERNELS=native needs a C\+\+ compiler that works; got .*"):
                fresh("native", command)

    def test_where_none_is_asked_for_and_none_is_there_nothing_is_said(self, fresh, monkeypatch, capsys, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        assert fresh("auto", "") is False
        assert capsys.readouterr().err == ""

    def test_a_command_that_no_shell_takes_is_told(self, fresh):
        with pytest.raises(ConfigError) as error:
            fresh("auto", 'g++ "x')
        wanted = "$CXX must be a command as a shell takes it (No closing quotation); got 'g++ \"x'"
        assert str(error.value) == wanted

    def test_the_first_tuning_that_the_compiler_knows_is_used(self, fresh, tmp_path):
        path = tmp_path / "old"
        path.write_text('#!/bin/sh\ncase "$*" in *-march*) exit 1;; esac\n')
        path.chmod(0o755)
        assert fresh("auto", path) is True
        assert compiler.settle().tuning == "-mcpu=native"

    def test_nothing_is_compiled_for_an_accelerator(self, fresh, source, monkeypatch, tmp_path):
        path = script(tmp_path / "compiler", "exit 1")
        assert fresh("auto", path)
        monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
        library = source()
        assert library.ready() is False
        native.compile_together(library)
        assert calls(path) == []
        with jax.default_device(jax.devices("cpu")[0]):  # but a run on the CPU may
            assert library.ready() is False
        assert len(calls(path)) == 1


@needs_compiler
class TestLibrary:
    def test_it_is_compiled_once_told_of_and_kept(self, fresh, source, capsys, tmp_path):
        fresh()
        library = source(number=7)
        assert library.ready()
        assert capsys.readouterr().err == "compiling native kernels (small), once on this machine, usually 1 s\n"
        path = library.path
        assert library._opened().small() == 7
        made = path.stat().st_mtime_ns
        assert source(number=7).ready()
        assert capsys.readouterr().err == ""
        assert path.stat().st_mtime_ns == made
        names = {each.suffix for each in (tmp_path / "native").iterdir() if each.name.startswith("small")}
        assert names == {".so", ".json"}

    def test_what_is_loaded_is_not_compiled_again(self, fresh, source, capsys):
        fresh()
        library = source()
        assert library.ready()
        library.path.unlink()
        capsys.readouterr()
        native.compile_together(library)
        assert capsys.readouterr().err == ""
        assert not library.path.exists()

    def test_another_number_is_another_library(self, fresh, source):
        fresh()
        assert [source(number=number)._opened().small() for number in (3, 4)] == [3, 4]

    @pytest.mark.parametrize("damage", [b"", b"\x7fELF no library", None])
    def test_a_damaged_file_is_made_again(self, fresh, source, damage):
        fresh()
        library = source()
        native.compile_together(library)  # not loaded: what is written over it in place must not be in use
        path = library.path
        content = path.read_bytes()
        path.unlink() if damage is None else path.write_bytes(damage)
        assert source().ready()
        assert path.read_bytes() == content

    def test_a_file_that_others_may_write_is_not_loaded(self, fresh, source, capsys):
        fresh()
        library = source()
        assert library.ready()
        library.path.chmod(0o666)
        capsys.readouterr()
        assert source().ready()
        assert capsys.readouterr().err.startswith("compiling native kernels (small)")
        assert library.path.stat().st_mode & 0o077 == 0

    def test_a_folder_of_somebody_else_is_not_used(self, fresh, monkeypatch, capsys, tmp_path):
        (tmp_path / "native").mkdir()
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert fresh() is False
        assert "must be the user's own folder; another user owns it" in capsys.readouterr().err

    def test_a_folder_that_others_may_write_is_closed(self, fresh, tmp_path):
        (tmp_path / "native").mkdir()
        (tmp_path / "native").chmod(0o777)
        assert fresh()
        assert (tmp_path / "native").stat().st_mode & 0o077 == 0

    def test_several_are_compiled_at_the_same_time_and_told_in_one_line(self, fresh, source, capsys):
        fresh()
        libraries = [source(number=number) for number in (1, 2)]
        native.compile_together(*libraries)
        assert capsys.readouterr().err.startswith("compiling native kernels (small, small), once on this machine")
        assert [library.missing() for library in libraries] == [False, False]


class TestFailure:
    def test_it_is_told_in_one_line_and_remembered(self, fresh, source, tmp_path, capsys):
        path = script(tmp_path / "compiler", "echo 'small.cc:1: error: no good' >&2; echo more >&2; exit 1")
        fresh("auto", path)
        assert source().ready() is False
        lines = capsys.readouterr().err.splitlines()
        assert lines[0] == "compiling native kernels (small), once on this machine, usually 1 s"
        assert lines[1].startswith(
            f"going on without the native kernel small, more slowly: {path}: small.cc:1: error: no"
        )
        assert len(lines) == 2
        assert source().ready() is False
        assert len(calls(path)) == 1  # not tried again
        (told,) = capsys.readouterr().err.splitlines()
        assert "(as seen before; to try again: rm " in told
        assert source(number=5).ready() is False  # another source is
        assert len(calls(path)) == 2

    def test_who_insists_gets_another_try_and_an_error(self, fresh, source, tmp_path):
        path = script(tmp_path / "compiler", "exit 1")
        fresh("auto", path)
        assert source().ready() is False
        fresh("native", path)
        with pytest.raises(
            ConfigError, match=r"^\$WANN_KERNELS=native needs a C\+\+ compiler that works; got .*exit status 1"
        ):
            source().ready()
        assert len(calls(path)) == 2

    def test_a_compiler_that_hangs_is_ended_once(self, fresh, source, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(compiler, "TIMEOUT", 0.5)
        path = script(tmp_path / "compiler", "sleep 3600")
        fresh("auto", path)
        assert source().ready() is False  # an hour later, if it waited
        assert f"{path} had not finished after 0 s" in capsys.readouterr().err
        assert len(calls(path)) == 1

    def test_a_trial_that_hangs_is_not_repeated_for_other_tunings(self, fresh, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(compiler, "_TRIAL_TIMEOUT", 0.5)
        path = tmp_path / "compiler"
        path.write_text(f"#!/bin/sh\necho call >> {tmp_path}/calls.txt\nsleep 60\n")
        path.chmod(0o755)
        assert [fresh("auto", path) for _ in range(2)] == [False, False]
        assert (tmp_path / "calls.txt").read_text() == "call\n"
        assert capsys.readouterr().err.count("more slowly") == 2

    def test_another_compiler_is_tried(self, fresh, tmp_path):
        path = tmp_path / "compiler"
        for text, works in (("exit 1", False), ("exit 0  # mended", True)):
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
            assert fresh("auto", path) is works


CONSTANTS = [
    (BREED, genome, "OUTPUT_LAYER", 1 << 13),
    (BREED, population, "MUTATIONS", population.MUTATIONS[::-1]),
    (EXPRESS, network, "ROW_WIDTH", 8),
    (EXPRESS, activation_ids, "SUM", 11),
    (SAMPLES, kernels, "TILE", 128),
    (FORWARD, activation_ids, "TANH", 12),
    (LOSS, losses, "SMALLEST_DEVIATION", 1e-9),
    (WALKER, walker_contacts, "_BOX_MARGIN", 0.2),
    (CAR, dynamics, "_GRIP", (1.0, 2.0)),
    (PICTURE, lens, "CAR_ROWS", slice(49, 62)),
]


@needs_compiler
@pytest.mark.parametrize(("library", "module", "name", "value"), CONSTANTS)
def test_constants_of_python_belong_to_a_librarys_name(library, module, name, value, monkeypatch):
    before = {each.name: each.path for each in native.LIBRARIES}
    monkeypatch.setattr(module, name, value)
    assert library.path != before[library.name]
    monkeypatch.undo()
    assert library.path == before[library.name]


def test_numbers_are_written_as_cpp_reads_them():
    found = compiler._defines({"b": True, "a": (1, 2.5), "c": 1e-12, "d": 16384})
    assert found == ["-DWANN_A=1,2.5", "-DWANN_B=true", "-DWANN_C=1e-12", "-DWANN_D=16384"]


@needs_compiler
def test_a_task_compiles_only_what_it_needs(tmp_path):
    """A search on xor needs neither walker nor car, nor the kernels of other tasks."""
    text = "import wann_jax as wann; wann.search('xor', wann.SearchConfig.preset('xor', 'quick', generations=1))"
    text = text.replace("'xor', wann.S", "wann.make_task('xor'), wann.S", 1)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "WANN_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("compiling")]
    assert told.startswith("compiling native kernels (breed, express), once on this machine, usually ")
    made = {path.name.split("-")[0] for path in (tmp_path / "native").glob("*.so")}
    assert made == {"breed", "express"}


def test_notes_are_whole_and_private(tmp_path, monkeypatch):
    monkeypatch.setenv("WANN_CACHE_DIR", str(tmp_path))
    place = store.folder() / "thing"
    note = store.write_note(place, {"failure": "x"})
    assert store.read_note(place) == {"failure": "x"}
    assert [path.name for path in note.parent.iterdir()] == ["thing.json"]
    for damage in (b"{", b"[]", b"\xff"):
        note.write_bytes(damage)
        assert store.read_note(place) == {}
    store.write_note(place, {"failure": "x"}).chmod(0o666)
    assert store.read_note(place) == {}


def test_the_walkers_numbers_are_found_in_their_modules():
    found = native.numbers(walker_contacts)
    assert (found["contacts_box_margin"], found["contacts_num_slots"]) == (0.1, 8)
    assert jnp.float32(found["contacts_box_margin"]) == jnp.float32(0.1)
