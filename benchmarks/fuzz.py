"""Damaged files of every kind, given to what reads them: they load, or are refused in one line.

    python -m benchmarks.fuzz [--files 10000] [--seed 0]

Networks, matrices, a run's settings, metrics and checkpoints, IDX and .npz files, encoders. Anything but an error of
our own in one line is a failure; so are 20 seconds, or 1 GiB more. The files are read in another process, one after
another; where it dies, its file is a failure and the next process goes on behind it. In: a seed. Out: results/fuzz.json
and, for a failure, the number with which `python -m benchmarks.fuzz --only NUMBER` reads that file again.
"""

import argparse
import dataclasses
import faulthandler
import gzip
import json
import resource
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import wann_jax as wann
from benchmarks import damage
from benchmarks.common import peak_memory_gib, write_result
from wann_jax.errors import WannError
from wann_jax.evolution.loop import start
from wann_jax.evolution.metrics import GenerationMetrics
from wann_jax.files import strict_json
from wann_jax.networks.files import load_info, load_weights
from wann_jax.pages.documents import history_document
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.origin import task_of
from wann_jax.runs.settings import RunSettings
from wann_jax.tasks.datasets import MNIST_FILES
from wann_jax.vae.files import load_encoder, save_part
from wann_jax.vae.model import init_params

MOST_SECONDS = 20
MOST_GIB = 1.0
MOST_LETTERS = 1500  # of a line that refuses a file, whose path is in it
_ADDRESS_SPACE = 8 * 2**30  # more than at the start: far enough that what would grow does, and is measured
CONFIG = wann.SearchConfig.preset("xor", "quick", population_size=16, generations=4, champion_candidates=3)
SETTINGS = RunSettings(task="xor", task_options={}, seed=3, config=CONFIG)


class Kind(NamedTuple):
    """Files of one kind."""

    make: Callable[[Path], None]  # whole ones, in a folder
    damage: damage.Damage
    read: Callable[[Path], Any]  # one of them
    pattern: str = "*"  # of those that are damaged
    share: int = 4  # of all files, relative


class Outcome(NamedTuple):
    """What became of one file."""

    number: int  # from which its damage follows
    kind: str
    outcome: str  # "loaded", "refused", or what went wrong
    seconds: float
    gib: float  # the process' peak of memory so far


def make_networks(folder: Path) -> None:
    for name in ("xor", "swingup52"):  # with shared weights, and with tuned ones
        info = load_info(name) | {"encoder": "laptop", "curve": [{"step": 1, "best": 0.5}]}
        wann.save_network(folder / f"{name}.json", wann.load_genome(name), info, load_weights(name))


def read_network(path: Path) -> None:
    wann.load_genome(path)
    load_weights(path)
    load_info(path)
    task_of(path)


def make_matrices(folder: Path) -> None:
    """Named by their sizes: one whose weights are shared, one with weights of its own and disabled connections."""
    for inputs, outputs, hidden in ((2, 1, 1), (3, 2, 8)):
        size = 1 + inputs + outputs + hidden
        entries = np.triu(np.ones((size, size)), 1)
        entries[:, : 1 + inputs] = entries[size - outputs :] = 0.0
        if hidden > 1:
            entries *= np.linspace(-1.5, 2.0, size)
            entries[0, -1] = np.nan
        rows = np.concatenate([entries, 1 + np.arange(size)[:, None] % 10], axis=1).tolist()
        text = "".join(",".join(f"{entry:g}" for entry in row) + "\n" for row in rows)
        (folder / f"{inputs}-{outputs}.out").write_text(text)


def read_matrix(path: Path) -> None:
    sizes = [int(number) for number in path.stem.split("-")]
    wann.load_genome(path, *sizes)
    load_weights(path, *sizes)


def make_run(folder: Path) -> None:
    """Settings, metrics and a checkpoint, as a search leaves them."""
    run = RunDirectory.create(folder, SETTINGS)
    run.save(start(SETTINGS.make_task(), CONFIG, SETTINGS.seed))
    names = [field.name for field in dataclasses.fields(GenerationMetrics)]
    rows = [{name: generation if name == "generation" else 0.5 for name in names} for generation in range(6)]
    (folder / "metrics.jsonl").write_text("".join(strict_json(row) + "\n" for row in rows))


def read_settings(path: Path) -> None:
    RunDirectory.open(path.parent).read_settings()


def read_metrics(path: Path) -> None:
    run = RunDirectory.open(path.parent)
    run.read_metrics()
    history_document(run)


def read_checkpoint(path: Path) -> None:
    folder = next(parent for parent in path.parents if parent.name == "checkpoints").parent
    RunDirectory.open(folder).load(SETTINGS.make_task(), SETTINGS)


def make_idx(folder: Path) -> None:
    for index, name in enumerate(MNIST_FILES):
        is_labels = index % 2 == 1
        array = (np.arange(40 if is_labels else 40 * 36) % (4 if is_labels else 256)).astype(np.uint8)
        shape = (40,) if is_labels else (40, 6, 6)
        content = b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + array.tobytes()
        (folder / name).write_bytes(content if index < 2 else gzip.compress(content))


def read_images(path: Path) -> None:
    wann.make_task(f"classify:{path if path.suffix == '.npz' else path.parent}")


def make_npz(folder: Path) -> None:
    x, y = np.linspace(0.0, 1.0, 160).reshape(40, 4), np.arange(40) % 3
    np.savez(folder / "plain.npz", x=x, y=y)
    np.savez_compressed(
        folder / "packed.npz", x_train=(x * 255).astype(np.uint8), y_train=y, x_test=(x * 9).astype(np.uint8), y_test=y
    )


def make_encoder(folder: Path) -> None:
    shapes = jax.eval_shape(lambda: init_params(jax.random.key(0), 2, 2, 4))["encoder"]
    params = jax.tree.map(lambda leaf: np.full(leaf.shape, 0.5), shapes)
    save_part(folder / "encoder.npz", "encoder", params, {"steps": 1})


KINDS = {
    "network": Kind(make_networks, damage.of_json, read_network, share=8),
    "matrix": Kind(make_matrices, damage.of_table, read_matrix),
    "settings": Kind(make_run, damage.of_json, read_settings, "config.json"),
    "metrics": Kind(make_run, damage.of_json_lines, read_metrics, "metrics.jsonl"),
    "checkpoint": Kind(make_run, damage.of_checkpoint, read_checkpoint, "checkpoints/**/*", share=1),
    "IDX": Kind(make_idx, damage.of_packed, read_images),
    "npz": Kind(make_npz, damage.of_npz, read_images),
    "encoder": Kind(make_encoder, damage.of_npz, load_encoder, share=1),
}
_TURNS = [name for name, kind in KINDS.items() for _ in range(kind.share)]


class Fuzzer:
    """Whole files in a folder, one of which is damaged at a time."""

    def __init__(self, folder: Path, seed: int):
        self._seed = seed
        self._files: dict[str, list[Path]] = {}
        for name, kind in KINDS.items():
            place = folder / kind.make.__name__  # kinds of one directory are made together
            if not place.exists():
                place.mkdir()
                kind.make(place)
            self._files[name] = sorted(path for path in place.glob(kind.pattern) if path.is_file())
            for path in self._files[name]:
                kind.read(path)  # which also takes the memory that reading takes

    def outcome(self, number: int) -> Outcome:
        """Of one damaged file, which is whole again afterwards. The same number and seed give the same damage."""
        name, random = _TURNS[number % len(_TURNS)], np.random.default_rng((self._seed, number))
        path = self._files[name][random.integers(len(self._files[name]))]
        whole = path.read_bytes()
        path.write_bytes(KINDS[name].damage(random, whole))
        began = time.perf_counter()
        found = what_happens(KINDS[name].read, path)
        seconds = time.perf_counter() - began
        path.write_bytes(whole)
        return Outcome(number, name, found, round(seconds, 3), round(peak_memory_gib(), 3))


def what_happens(read: Callable[[Path], Any], path: Path) -> str:
    """ "loaded"; "refused", by an error of ours in one line; or what else."""
    try:
        read(path)
    except WannError as error:
        text = str(error)
        is_line = "\n" not in text and len(text) <= MOST_LETTERS
        return "refused" if is_line else f"{len(text)} letters, {len(text.splitlines())} lines: {text[:200]}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return "loaded"


def read_in_turn(first: int, last: int, seed: int) -> None:
    """In a process of its own: prints an outcome for each file, and ends where one takes too long."""
    warnings.simplefilter("error")  # which would be more than a line
    warnings.simplefilter("ignore", DeprecationWarning)
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(Path(folder), seed)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _ADDRESS_SPACE,) * 2)
        for number in range(first, last):
            faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)  # whatever it waits for
            print(strict_json(fuzzer.outcome(number)), flush=True)
            faulthandler.cancel_dump_traceback_later()


def outcomes(command: list[str], files: int) -> Iterator[Outcome]:
    """Of all files. The command, which gets a first number more, ends at a file that it does not survive."""
    done, peak = 0, float("inf")  # GiB: what a process has before its first file is none of a file's
    while done < files:
        with subprocess.Popen([*command, str(done)], stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                found = Outcome(*json.loads(line))
                grown, peak = found.gib - peak, found.gib
                yield found if grown < MOST_GIB else found._replace(outcome=f"{grown:.1f} GiB more")
                done = found.number + 1
        if done < files:
            words = f"the process ended, exit status {process.returncode}"
            yield Outcome(done, _TURNS[done % len(_TURNS)], words, 0.0, 0.0)
            done, peak = done + 1, float("inf")


def summary(found: list[Outcome]) -> dict[str, Any]:
    """Counts for each kind of files, the slowest one, and all failures."""
    good = ("loaded", "refused")
    kinds = {
        name: dict(Counter(each.outcome if each.outcome in good else "failed" for each in found if each.kind == name))
        for name in KINDS
    }
    return {
        "files": len(found),
        "failures": [each._asdict() for each in found if each.outcome not in good],
        "kinds": {name: {**dict.fromkeys(good, 0), **counts} for name, counts in kinds.items()},
        "slowest_seconds": max(each.seconds for each in found),
        "peak_gib": max(each.gib for each in found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="read one file, by its number, and print what happens")
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only is not None:
        read_in_turn(args.only, args.only + 1, args.seed)
    elif args.first is not None:
        read_in_turn(args.first, args.files, args.seed)
    else:
        command = [sys.executable, "-m", "benchmarks.fuzz", "--files", str(args.files), "--seed", str(args.seed)]
        result = summary([*outcomes([*command, "--first"], args.files)])
        for failure in result["failures"]:
            print(failure)
        print(f"{len(result['failures'])} failures; written: {write_result('fuzz', result)}")


if __name__ == "__main__":
    main()
