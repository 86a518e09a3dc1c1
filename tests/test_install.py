"""Installing into a place that has JAX, with its plugin for a GPU (as Colab), keeps what is there.

It asks a package index; `make test-matrix` runs it, `make test` does not.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLDEST = re.search(r'^ *"jax>=([\d.]+)"', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE).group(1)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of an environment with the oldest jax, its jaxlib, and the plugin without gigabytes of CUDA."""
    place = tmp_path_factory.mktemp("place") / "venv"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    interpreter = place / "bin" / "python"
    for packages in ([f"jax=={OLDEST}", f"jaxlib=={OLDEST}"], ["--no-deps", f"jax-cuda12-plugin=={OLDEST}"]):
        done = pip(interpreter, "--retries", "0", *packages)
        if done.returncode:
            pytest.skip(f"no package index gives {packages}: {done.stderr.strip().splitlines()[-1]}")
    return interpreter


def pip(interpreter, *arguments):
    command = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.network
@pytest.mark.parametrize("extra", ["", "[dev]"])
def test_jax_and_its_plugin_stay_what_they_are(python, extra, tmp_path):
    report = tmp_path / "report.json"
    done = pip(python, "--dry-run", "--report", report, f".{extra}")
    assert done.returncode == 0, done.stderr
    installed = {item["metadata"]["name"].replace("-", "_") for item in json.loads(report.read_text())["install"]}
    assert {"wann_jax", "gymnax", "flax"} <= installed
    assert not {name for name in installed if re.fullmatch(r"jax|jaxlib|jax_cuda\w*", name)}
