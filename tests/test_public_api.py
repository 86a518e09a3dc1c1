"""The public names: typed, told of, and each module where its path says."""

import ast
import importlib
import inspect
import pkgutil
import types
from pathlib import Path

import pytest

import wann_jax as wann

ROOT = Path(__file__).parents[1]
FUNCTIONS = [name for name in wann.__all__ if inspect.isfunction(getattr(wann, name))]


def test_the_lists_of_public_names_agree():
    """What is imported for type checkers, what is imported when it is asked for, and `__all__`."""
    tree = ast.parse((ROOT / "wann_jax" / "__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    typed = {alias.name: node.module for node in imports for alias in node.names}
    assert typed == wann._MODULES
    assert sorted(typed) == sorted(wann.__all__)
    assert set(wann.__all__) <= set(dir(wann))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = wann.nothing


def test_no_function_hides_a_module():
    for found in pkgutil.walk_packages(wann.__path__, "wann_jax."):
        if found.name.endswith("__main__"):
            continue
        if "fidelity.box2d_" in found.name:  # they need the extra box2d
            continue
        module = importlib.import_module(found.name)
        parent, _, leaf = found.name.rpartition(".")
        assert getattr(importlib.import_module(parent), leaf) is module
    names = {path.stem for path in (ROOT / "wann_jax").glob("*.py")}
    assert not names & {*FUNCTIONS}
    assert len(names) <= 8


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_tell_arguments_results_and_errors(name):
    function = inspect.unwrap(getattr(wann, name))
    text, signature = inspect.getdoc(function), inspect.signature(function)
    told = text.partition("Args:\n")[2].partition("Returns:")[0].partition("Raises:")[0]
    for parameter in signature.parameters.values():
        stars = "*" * {parameter.VAR_POSITIONAL: 1, parameter.VAR_KEYWORD: 2}.get(parameter.kind, 0)
        assert f"{stars}{parameter.name}: " in told
        assert parameter.annotation is not parameter.empty
    returns = signature.return_annotation
    assert returns is not signature.empty
    assert (returns is None or returns == "None") or "Returns:\n" in text
    raises = "require(" in inspect.getsource(function) or "raise " in inspect.getsource(function)
    assert not raises or "Raises:\n" in text


@pytest.mark.parametrize("name", [name for name in wann.__all__ if isinstance(getattr(wann, name), type)])
def test_public_classes_and_their_methods_are_told_of(name):
    cls = getattr(wann, name)
    assert inspect.getdoc(cls)
    for label, member in vars(cls).items():
        if isinstance(member, (types.FunctionType, classmethod, property)) and not label.startswith("_"):
            if label in ("replace", "count", "index"):  # flax's, NamedTuple's
                continue
            assert inspect.getdoc(member), label
