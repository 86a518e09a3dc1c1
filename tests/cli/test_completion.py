"""Shell completion: what bash offers."""

import shutil
import subprocess

import pytest

from wann_jax.cli import COMMANDS, main


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("wann se", ["search"]),
        ("wann ", sorted(COMMANDS)),
        ("wann search --population-s", ["--population-size"]),
        ("wann protocol --tri", ["--trials"]),
        ("wann tune --restar", ["--restarts"]),
    ],
)
def test_bash_completes_commands_and_options(capsys, words, offered):
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    typed = words.split(" ")
    array = words if typed[-1] else words + '""'
    call = f"COMP_WORDS=({array}); COMP_CWORD={len(typed) - 1}; _tyro_wann"
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{call}; echo ${{COMPREPLY[@]}}"], capture_output=True, text=True, check=False
    )
    found = done.stdout.split()
    assert set(offered) <= set(found), done.stderr
    assert all(each.startswith(typed[-1]) for each in found)


def test_other_shells_are_told(capsys):
    for shell in ("zsh", "fish"):
        assert main(["completion", shell]) == 0
        assert "wann" in capsys.readouterr().out
    assert main(["completion", "tcsh"]) == 2
    assert capsys.readouterr().err == "wann: shell must be one of bash, zsh, fish; got 'tcsh'\n"
