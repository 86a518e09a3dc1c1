"""Of every page: Python snippets run, commands parse, links lead somewhere, figures are those of the cards."""

import ast
import importlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from wann_jax import zoo
from wann_jax.cli import COMMANDS, parsing
from wann_jax.evolution.config import SearchConfig
from wann_jax.networks.files import CHAMPION_FILE
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.settings import RunSettings

ROOT = Path(__file__).parents[1]
SKIPPED = re.compile(r"(^|/)(\.\w|runs/|build/|node_modules/)")
PAGES = sorted(
    str(path.relative_to(ROOT)) for path in ROOT.rglob("*.md") if not SKIPPED.search(str(path.relative_to(ROOT)))
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
PROGRAMS = ("wann", "make", "python", "pip")
# What may stand for a word of the reader's choice.
EXAMPLES = dict(TASK="swingup", RUN="runs/a", NETWORK="swingup", NAME="swingup", COMMAND="zoo", N="9", W="0.5", S="1")
# What a sentence leaves out that names a command and an option of it: its first argument, and what it needs besides.
FIRST = dict(search="swingup", resume="runs/a", evaluate="swingup", protocol="swingup", tune="swingup", unite="swingup")
NEEDED = dict(baseline=["--task", "digits"], unite=["--out", "u.json"])


def text(page):
    return (ROOT / page).read_text()


def snippets():
    return [(page, code) for page in PAGES for language, code in FENCE.findall(text(page)) if language == "python"]


def commands():
    """(page, words) of all shell commands: lines of blocks without a language, and code within sentences."""
    found = []
    for page in PAGES:
        blocks = [block for language, block in FENCE.findall(text(page)) if language in ("", "sh", "bash")]
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        inline = re.findall(r"`([^`]+)`", FENCE.sub("", text(page)))
        lines += [" ".join(span.split()) for span in inline if span.startswith(tuple(f"{name} " for name in PROGRAMS))]
        for line in lines:
            line = re.sub(r"^for \w+ in (\w+).*?; do (.*); done", r"\2", line).replace("$s", "1")
            if line.lstrip("!").startswith(PROGRAMS):
                found.append((page, tuple(shlex.split(line.lstrip("!"), comments=True))))
    return list(dict.fromkeys(found))


COMMAND_LINES = commands()


def lines_of(*program):
    """The commands that begin so, as parameters of a test: what follows."""
    count = len(program)
    chosen = [(page, words) for page, words in COMMAND_LINES if words[:count] == program]
    return [pytest.param([*words[count:]], id=f"{page}: {' '.join(words)}"[:90]) for page, words in chosen]


@pytest.mark.parametrize(("page", "code"), snippets())
def test_python_snippets_run_and_print_finite_numbers(page, code, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # some write files
    names: dict[str, object] = {}
    exec(compile(code, page, "exec"), names)
    printed = re.findall(r"-?\d+\.?\d*(?:e-?\d+)?|nan|inf", capsys.readouterr().out)
    assert printed
    assert not {"nan", "inf"} & set(printed)
    if "returns" in names and "outputs" in names:
        assert names["returns"].shape == (1, 2, 10)
        assert names["outputs"].shape == (2, 1)


class Parsed(BaseException):
    """Raised where a command would begin to work."""


@pytest.fixture
def readers_folder(tmp_path, monkeypatch):
    """An empty folder; commands stop there when their arguments are parsed."""
    monkeypatch.chdir(tmp_path)

    def parse_and_stop(command, name, args, **defaults):
        parsing.parse(command, name, args, **defaults)
        raise Parsed

    for place in COMMANDS.values():
        module = importlib.import_module(place.partition(":")[0])
        if hasattr(module, "parse"):
            monkeypatch.setattr(module, "parse", parse_and_stop)
    return tmp_path


def make_what_is_named(words):
    """Run directories and network files of the commands before, which a command may read while it is parsed."""
    for path in {Path(word.partition("=")[2] or word) for word in words}:
        if re.match(r"runs/[\w-]+", str(path)):
            run = Path(*path.parts[:2])
            RunDirectory.create(run, RunSettings("swingup", {}, 0, SearchConfig.preset("swingup", "quick")))
            shutil.copy(zoo.file_of("swingup"), run / CHAMPION_FILE)
    if len(words) > 1 and words[1].endswith(".json"):
        shutil.copy(zoo.file_of("swingup"), words[1])


@pytest.mark.parametrize("words", lines_of("wann"))
def test_commands_parse(words, readers_folder):
    words = [EXAMPLES.get(word, word) for word in words]
    if words[:1] == ["--version"]:
        return
    name, arguments = words[0], words[1:]
    assert name in COMMANDS
    if not arguments:
        return
    if arguments[0].startswith("--") and name in FIRST:
        arguments = [FIRST[name], *arguments]
    arguments += [] if set(NEEDED.get(name, ())) & {*arguments} else NEEDED.get(name, [])
    make_what_is_named([name, *arguments])
    module, _, function = COMMANDS[name].partition(":")
    run = getattr(importlib.import_module(module), function)
    if not hasattr(importlib.import_module(module), "parse"):  # it only prints
        assert run(arguments) == 0
        return
    with pytest.raises((Parsed, SystemExit)) as stop:
        run(arguments)
    assert stop.type is Parsed or (stop.value.code == 0 and "--help" in arguments)


@pytest.mark.parametrize("words", lines_of("make"))
def test_targets_exist(words):
    makefile = (ROOT / "Makefile").read_text()
    for word in words:
        variable, sign, _ = word.partition("=")
        assert f"$({variable})" in makefile if sign else re.search(rf"^{word}:", makefile, flags=re.MULTILINE)


def options_of(source):
    """What a program adds to its argparse parser."""
    calls = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
    added = [call.args for call in calls if getattr(call.func, "attr", "") == "add_argument"]
    return {argument.value for arguments in added for argument in arguments if isinstance(argument, ast.Constant)}


@pytest.mark.parametrize("words", lines_of("python"))
def test_programs_exist_and_know_their_options(words):
    module = words[words.index("-m") + 1].replace(".", "/") + ".py" if words[0] == "-m" else words[0]
    source = ROOT / module
    assert source.is_file()
    known = options_of(source) | options_of(ROOT / "benchmarks" / "common.py")
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("words", lines_of("pip", "install"))
def test_extras_exist(words):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for place, inside in (re.fullmatch(r"([^[]+)(?:\[(.*)\])?", word).groups() for word in words):
        assert place in (".", "wann_jax")
        assert {*(inside or "").split(",")} <= {"", *extras}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)", file.read_text(), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, target


def test_the_first_page_is_short_and_shows_a_picture():
    lines = text("README.md").splitlines()
    assert len(lines) <= 150
    picture = re.search(r"!\[[^]]+\]\(([^)]+)\)", "\n".join(lines[:20])).group(1)
    assert (ROOT / picture).stat().st_size < 150_000


def test_lines_are_short_but_for_tables():
    long = [(page, line) for page in PAGES for line in text(page).splitlines() if len(line) > 120 and line[0] != "|"]
    assert not long


def test_every_task_in_the_table_is_known():
    table = re.search(r"## Tasks\n(.*?)\n\n[A-Z]", text("README.md"), flags=re.DOTALL).group(1)
    in_readme = re.findall(r"^\| `([^`]+)` \|", table, flags=re.MULTILINE)
    command = [sys.executable, "-m", "wann_jax", "tasks"]  # a new process, where tasks register in their usual order
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert sorted(in_readme) == sorted(line.split()[0] for line in listed.splitlines())


@pytest.mark.parametrize("page", ["README.md", "wann_jax/zoo/README.md"])
def test_figures_of_networks_are_those_of_their_cards(page):
    shown = 0
    for line in text(page).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        network = re.match(r"`([\w-]+)`, (return|test accuracy)", cells[0])
        if not network:
            continue
        card = zoo.card(network.group(1))
        rows = {row["row"]: row["mean"] for row in card["protocol"]}
        counts = [card["num_live_connections"], card["num_connections"]]
        assert [int(number) for number in re.findall(r"\d+", cells[1])] == list(dict.fromkeys(counts))
        for name in ("random shared weight", "tuned shared weight", "tuned weights"):
            wanted = f"{rows[name]:.0f}" if abs(rows[name]) > 2 else f"{rows[name]:.3f}"
            figures = [re.match(r"-?[\d.]*", cell).group(0) for cell in cells[2:]]
            assert wanted in figures or f"{rows[name]:.2f}" in figures, (line, wanted)
        shown += 1
    assert shown == {"README.md": 3}.get(page, 12)


def test_the_table_of_benchmarks_is_what_results_give():
    command = [sys.executable, "-m", "benchmarks.readme_table", "--check"]
    subprocess.run(command, cwd=ROOT, check=True)
