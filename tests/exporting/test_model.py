"""What is exported of a network, and what a stranger's file may say in comments."""

import json

import numpy as np
import pytest

import wann_jax as wann
from tests.exporting.examples import MADE, example, model
from wann_jax.errors import ConfigError, DataError
from wann_jax.exporting import c_code, latex, numpy_code, torch_code
from wann_jax.exporting.model import model_of
from wann_jax.zoo import file_of

XOR_MATRIX = "0,0,0,0,0,nan,1\n0,0,0,0,1,0,1\n0,0,0,1,0,0,1\n0,0,0,0,1,0,7\n0,0,0,0,0,1,8\n0,0,0,0,0,0,1\n"


def test_weights_are_the_files_own_unless_others_are_asked_for(tmp_path):
    own = wann.load_weights("swingup52")
    np.testing.assert_array_equal(model_of("swingup52").weights, own)
    assert model_of("swingup52", shared=True).weights is None
    np.testing.assert_array_equal(model_of("swingup52", weights=-own).weights, -own)
    assert model_of("biped").weights is None
    assert model_of(example("swingup52").network).weights is None
    run = tmp_path / "run.v2"
    run.mkdir()
    (run / "champion.json").write_bytes(file_of("swingup52").read_bytes())
    assert model_of(run).name == "run.v2"
    assert model_of(run).labels == model_of("swingup52").labels


def test_words_are_those_of_the_task_that_is_given_or_that_the_file_names(tmp_path):
    assert model_of("swingup52").labels.outputs == ("force",)
    assert model_of(example("swingup52").network).labels.outputs == ("out 0",)
    assert model_of(example("swingup52").network, "swingup").labels.outputs == ("force",)
    with pytest.raises(ConfigError, match=r"^task must be one of .*; got 'swingpu'"):
        model_of("swingup52", "swingpu")
    document = json.loads(file_of("swingup52").read_text())
    document["info"]["task"] = "a task of a plugin that is not here"
    (tmp_path / "other.json").write_text(json.dumps(document))
    assert model_of(tmp_path / "other.json").labels.outputs == ("out 0",)


def test_a_matrix_has_the_sizes_of_its_task(tmp_path):
    path = tmp_path / "xor.out"
    path.write_text(XOR_MATRIX)
    assert model_of(path, "xor").num_connections == 4
    with pytest.raises(ConfigError) as error:
        model_of(path)
    assert str(error.value) == f"task must be given: the matrix file {str(path)!r} does not tell its sizes; got None"
    with pytest.raises(DataError, match=r"must be at least 7, as the sizes ask; got 6$"):
        model_of(path, "swingup")


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        (np.ones(3, np.float32), "weights must be 52 numbers, one per connection; got (3,)"),
        (np.float32([np.inf, *[0] * 51]), "weights must be finite numbers; got [inf]"),
    ],
)
def test_weights_that_do_not_fit_are_told(weights, told):
    with pytest.raises(ConfigError) as error:
        model_of(example("swingup52").network, weights=weights)
    assert str(error.value) == told


def test_one_network_at_a_time_and_one_kind_of_weights():
    with pytest.raises(ConfigError, match=r"^network must be one network, without leading axes; got \(1,\)$"):
        model_of(wann.stack_networks([example(MADE).network]))
    with pytest.raises(ConfigError, match=r"^shared must be False where weights are given; got True$"):
        model_of("swingup52", weights=wann.load_weights("swingup52"), shared=True)


@pytest.mark.parametrize("kind", [c_code, latex, numpy_code, torch_code])
def test_what_a_file_is_called_stays_within_its_comment(tmp_path, kind):
    path = tmp_path / 'a"""\nimport os \\*{%\u2028\u202e.json'
    path.write_bytes(file_of("swingup52").read_bytes())
    lines = kind.render(model_of(path)).splitlines()
    assert lines[0].lstrip("#/% ").startswith("a____import os ______: a network of wann_jax")
    assert lines[1:] == kind.render(model_of("swingup52")).splitlines()[1:]


def test_numbers_survive():
    made = model(MADE, False)
    for node in made.topology.nodes:
        np.testing.assert_array_equal(np.float32(made.weights_of(node)), made.weights[list(node.connections)])
