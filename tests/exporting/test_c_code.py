"""C files, compiled here."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from tests.exporting.examples import BY_WEIGHT, MADE, NAMES, TUNED, assert_computes, example, model
from wann_jax.exporting import c_code
from wann_jax.version import COMPILERS

C_COMPILER = next(filter(shutil.which, ("cc", "gcc", "clang")), None)
CXX_COMPILER = next(filter(shutil.which, COMPILERS), None)
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")
FLOATS = ctypes.POINTER(ctypes.c_float)


@pytest.mark.skipif(C_COMPILER is None, reason="no C compiler")
@pytest.mark.parametrize(("name", "shared"), [*((name, True) for name in NAMES), *((name, False) for name in TUNED)])
def test_compiled_it_computes_what_the_definition_says(tmp_path, name, shared):
    source, library = tmp_path / "network.c", tmp_path / "network.so"
    source.write_text(c_code.render(model(name, shared)))
    subprocess.run(
        [C_COMPILER, "-std=c99", *STRICT, "-O0", "-shared", "-fPIC", source, "-o", library, "-lm"], check=True
    )
    network, inputs = ctypes.CDLL(str(library)).network, example(name).inputs
    for weight in [each for of, each in BY_WEIGHT if of == name and (each is not None) == shared]:
        outputs = np.zeros((len(inputs), example(name).network.spec.num_outputs), np.float32)
        between = [] if weight is None else [ctypes.c_float(weight)]
        for row, out in zip(inputs, outputs, strict=True):
            network(row.ctypes.data_as(FLOATS), *between, out.ctypes.data_as(FLOATS))
        assert_computes(name, weight, outputs)


@pytest.mark.skipif(CXX_COMPILER is None, reason="no C++ compiler")
def test_it_is_cpp_as_well(tmp_path):
    (tmp_path / "network.c").write_text(c_code.render(model(MADE, shared=False)))
    command = [CXX_COMPILER, "-x", "c++", *STRICT, "-fsyntax-only", tmp_path / "network.c"]
    subprocess.run(command, check=True)
