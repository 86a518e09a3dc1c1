"""Network files: our JSON there and back, the original's matrix against values worked out by hand, bad files."""

import json
import os

import jax.numpy as jnp
import numpy as np
import pytest

from tests.helpers import FEW_INPUTS, MANY_INPUTS, PlainGenome, from_plain, random_dag, to_plain
from tests.oracle import network as oracle
from wann_jax import DataError, forward, load_genome, load_network, load_weights, save_network
from wann_jax.genomes.activation_ids import ACTIVATION_NAMES
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.genomes.graph import invariant_violations
from wann_jax.networks import files

SPEC = GenomeSpec.for_task(2, 1, tuple(range(1, 11)), 4)


def refused(load, *words):
    """That `load` raises DataError, in one line that holds all the words."""
    with pytest.raises(DataError) as error:
        load()
    text = str(error.value)
    assert "\n" not in text
    assert [str(word) for word in words if str(word) not in text] == [], text


def live_marks(genome):
    return np.asarray(genome.node_mark)[: int(genome.num_nodes)].tolist()


def split_connections(plain):
    """Enabled and disabled connections, each in table order."""
    pairs = {True: [], False: []}
    for source, target, enabled in plain.connections:
        pairs[enabled].append((source, target))
    return pairs[True], pairs[False]


@pytest.mark.parametrize("spec", [FEW_INPUTS, MANY_INPUTS], ids=["few_inputs", "many_inputs"])
@pytest.mark.parametrize(("num_hidden", "density"), [(0, 0.0), (0, 0.7), (7, 0.4), (40, 0.1)])
def test_json_keeps_nodes_connections_and_marks(tmp_path, spec, num_hidden, density):
    genome = from_plain(spec, random_dag(spec, num_hidden, density, seed=num_hidden, output_density=0.5))
    marks = np.asarray(genome.node_mark).copy()
    marks[spec.num_fixed :] = 10**9 + np.random.default_rng(0).permutation(len(marks) - spec.num_fixed)
    genome = genome.replace(node_mark=jnp.asarray(marks))
    if density == 0.0:
        genome = genome.replace(num_connections=jnp.int32(0))
    path = tmp_path / "net.json"
    save_network(path, genome, {"note": [1, "two"]})
    loaded = load_genome(path)
    fitted = loaded.spec
    plain, again = to_plain(genome), to_plain(loaded)
    assert again.activations == plain.activations
    assert split_connections(again) == split_connections(plain)
    assert live_marks(loaded) == live_marks(genome)
    assert (fitted.num_inputs, fitted.num_outputs) == (spec.num_inputs, spec.num_outputs)
    assert (fitted.max_nodes, fitted.max_connections) == (len(plain.activations), max(1, len(plain.connections)))
    assert invariant_violations(loaded) == []
    assert json.loads(path.read_text())["info"] == {"note": [1, "two"]}
    assert [file.name for file in tmp_path.iterdir()] == ["net.json"]


@pytest.mark.parametrize(("spec", "num_hidden"), [(FEW_INPUTS, 9), (MANY_INPUTS, 12)])
def test_json_keeps_outputs_for_shared_and_own_weights(tmp_path, spec, num_hidden):
    plain = random_dag(spec, num_hidden, 0.3, seed=5)
    enabled, disabled = split_connections(plain)
    assert len(disabled) > 1
    save_network(tmp_path / "net.json", from_plain(spec, plain))
    network = load_network(tmp_path / "net.json", spec.num_inputs, spec.num_outputs)
    random = np.random.default_rng(0)
    inputs = random.normal(size=(50, spec.num_inputs)).astype(np.float32)
    for weights in (-0.75, random.uniform(-2, 2, len(enabled)).astype(np.float32)):
        wanted, settled = oracle.evaluate_settled(plain, weights, inputs, spec.num_outputs)
        assert settled.mean() > 0.8
        found = np.asarray(forward(network, jnp.asarray(weights, jnp.float32), jnp.asarray(inputs)))
        np.testing.assert_allclose(found[settled], wanted[settled], rtol=1e-4, atol=1e-4)


def small_document():
    return {
        "format": "wann_jax.network",
        "version": 1,
        "num_inputs": 2,
        "num_outputs": 1,
        "info": {"task": "xor"},
        "nodes": [
            {"id": 0, "kind": "bias"},
            {"id": 1, "kind": "input"},
            {"id": 2, "kind": "input"},
            {"id": 3, "kind": "output", "activation": "linear"},
            {"id": 4, "kind": "hidden", "activation": "inverse", "mark": 4},
            {"id": 5, "kind": "hidden", "activation": "abs", "mark": 5},
        ],
        "connections": [[1, 5], [2, 4], [4, 5], [5, 3]],
        "disabled_connections": [[0, 3]],
    }


def test_the_format_is_as_documented(tmp_path):
    plain = PlainGenome([1, 1, 1, 1, 7, 8], [(1, 5, True), (0, 3, False), (2, 4, True), (4, 5, True), (5, 3, True)])
    genome = from_plain(SPEC, plain)
    save_network(tmp_path / "champion.json", genome, {"task": "xor"})
    assert json.loads((tmp_path / "champion.json").read_text()) == small_document()
    # |x1 - x2| at weight 1, by hand; a run directory stands for its champion.
    outputs = forward(load_network(tmp_path), 1.0, jnp.array([[3.0, 5.0], [5.0, 3.0], [1.0, 1.0]]))
    assert outputs.tolist() == [[2.0], [2.0], [0.0]]


# Rows and columns: bias, x1, x2, h1 (inverse), h2 (abs), o1, o2; the last column holds the activation ids.
MATRIX = """\
0,0,0,nan,0,0.3,0,1
0,0,0,0,1,0,0,1
0,0,0,-1.5,0,0,0,1
0,0,0,0,2,0,0.001,7
0,0,0,0,0,0.7,0,8
0,0,0,0,0,0,0,1
0,0,0,0,0,0,0,1
"""


def test_the_originals_matrix_computes_what_it_says(tmp_path):
    """h1 = -(c x2), h2 = |b x1 + d h1|, o1 = a + f h2, o2 = e h1; weights a to f row by row; bias -> h1 is off."""
    path = tmp_path / "net.out"
    path.write_text(MATRIX)
    network = load_network(path, 2, 2)
    inputs = jnp.array([[3.0, 5.0], [1.0, 0.0]])
    assert int(network.num_connections) == 6
    assert forward(network, 1.0, inputs).tolist() == [[3.0, -5.0], [2.0, 0.0]]
    assert forward(network, -2.0, inputs).tolist() == [[-54.0, -20.0], [-6.0, 0.0]]
    own = jnp.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert forward(network, own, inputs).tolist() == [[325.0, -75.0], [13.0, 0.0]]


def test_the_originals_matrix_becomes_a_sound_genome(tmp_path):
    path = tmp_path / "net.out"
    path.write_text(MATRIX.replace("\n", "\r\n") + "\n")
    genome = load_genome(path, 2, 2)
    enabled, disabled = split_connections(to_plain(genome))
    assert enabled == [(0, 3), (1, 6), (2, 5), (5, 6), (5, 4), (6, 3)]
    assert disabled == [(0, 5)]
    assert [ACTIVATION_NAMES[i] for i in to_plain(genome).activations[3:]] == ["linear", "linear", "inverse", "abs"]
    assert invariant_violations(genome) == []
    save_network(tmp_path / "net.json", genome)
    assert to_plain(load_genome(tmp_path / "net.json")) == to_plain(genome)


def test_weights_of_a_matrix_are_read_row_by_row(tmp_path):
    """Unless all entries are one shared value; what is disabled has none."""
    path = tmp_path / "net.out"
    path.write_text(MATRIX)
    weights = load_weights(path, 2, 2)
    assert weights.tolist() == np.float32([0.3, 1, -1.5, 2, 0.001, 0.7]).tolist()
    outputs = forward(load_network(path, 2, 2), weights, jnp.array([3.0, 5.0]))
    np.testing.assert_allclose(outputs, [0.3 + 0.7 * abs(3.0 + 2.0 * 7.5), 0.001 * 7.5], rtol=1e-5)
    for entry in ("0.3", "-1.5", "2", "0.001", "0.7"):
        path.write_text(path.read_text().replace(entry + ",", "1,"))
    assert load_weights(path, 2, 2) is None
    for entry in ("inf", "1e39"):
        path.write_text(with_entry(0, 5, entry))
        refused(lambda: load_weights(path, 2, 2), path, "weights must be a list of 6 finite numbers")
    refused(lambda: load_weights(path), path, "num_inputs and num_outputs must be given")


def with_entry(row, column, value):
    rows = [line.split(",") for line in MATRIX.split()]
    rows[row][column] = value
    return "\n".join(",".join(entries) for entries in rows)


BAD_MATRICES = {
    "empty": ("", "must be a matrix of N rows and N + 1 columns; got (0, [])"),
    "row missing": ("\n".join(MATRIX.split()[:-1]), "must be a matrix of N rows and N + 1 columns; got (6, [8])"),
    "ragged": (MATRIX.replace("0,0,0,0,1,0,0,1", "0,0,0,0,1,0,1"), "N rows and N + 1 columns; got (7, [7, 8])"),
    "word": (
        with_entry(1, 4, "one"),
        "must hold numbers separated by commas; could not convert string to float: 'one'",
    ),
    "blank": (with_entry(1, 4, ""), "must hold numbers separated by commas"),
    "too small": ("0,0,1\n0,0,1\n", "number of nodes must be at least 5, as the sizes ask; got 2"),
    "id 11": (with_entry(3, 7, "11"), "activation ids must be from 1 to 10; got [11.0]"),
    "id 0": (with_entry(5, 7, "0"), "activation ids must be from 1 to 10; got [0.0]"),
    "id 1.5": (with_entry(3, 7, "1.5"), "activation ids must be from 1 to 10; got [1.5]"),
    "id nan": (with_entry(3, 7, "nan"), "activation ids must be from 1 to 10; got [nan]"),
    "cycle": (with_entry(4, 3, "1"), "connections must be free of cycles"),
    "own input": (with_entry(3, 3, "1"), "connections must be free of cycles"),
    "into an input": (with_entry(3, 1, "1"), "not into bias or inputs; got [[5, 1]]"),
    "into the bias": (with_entry(1, 0, "nan"), "not into bias or inputs; got [[1, 0]]"),
    "from an output": (with_entry(5, 6, "1"), "no output as their source; got [[3, 4]]"),
    "output to hidden": (with_entry(6, 3, "1"), "no output as their source; got [[4, 5]]"),
    "bytes": (b"\xff\xfe\x00", "cannot be read"),
    "endless row": ("0," * 1000, "must be a matrix of N rows and N + 1 columns; got (1, [1001])"),
    "idle hidden node": (
        with_entry(0, 3, "0").replace("-1.5", "0"),
        "hidden nodes must be all joined to others with 2 inputs and 2 outputs; got 'none at [3]'",
    ),
    "goes nowhere": (with_entry(4, 5, "0"), "got 'none at [4]'"),
}


@pytest.mark.parametrize("case", BAD_MATRICES)
def test_a_bad_matrix_is_refused(tmp_path, case):
    content, words = BAD_MATRICES[case]
    path = tmp_path / "net.out"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(lambda: load_genome(path, 2, 2), path, words)


@pytest.mark.parametrize("sizes", [(1, 2), (1, 3), (2, 1), (3, 2), (3, 1), (2, 3)])
def test_a_matrix_of_another_task_is_refused(tmp_path, sizes):
    path = tmp_path / "net.out"
    path.write_text(MATRIX)
    refused(lambda: load_genome(path, *sizes), path)
    refused(lambda: load_weights(path, *sizes), path)


def test_a_matrix_needs_its_sizes(tmp_path):
    path = tmp_path / "net.out"
    path.write_text(MATRIX)
    for sizes in ((), (2,), (0, 2), (2, -1)):
        refused(lambda sizes=sizes: load_genome(path, *sizes), path, "num_inputs and num_outputs must be given")


def hidden(**changes):
    """Changes to the last hidden node; None removes a field."""
    node = {"id": 5, "kind": "hidden", "activation": "abs", "mark": 5} | changes
    return {"nodes": [*small_document()["nodes"][:5], {k: v for k, v in node.items() if v is not None}]}


NODES = small_document()["nodes"]
BAD_DOCUMENTS = {
    "format": ({"format": "other"}, "format must be 'wann_jax.network'; got 'other'"),
    "version": ({"version": 2}, "version must be 1; got 2"),
    "no version": ({"version": None}, "version must be 1; got None"),
    "no nodes": ({"nodes": None}, "must be a network file in our format"),
    "no connections": ({"connections": None}, "must be a network file in our format"),
    "no sizes": ({"num_inputs": None}, "must be a network file in our format"),
    "no inputs": ({"num_inputs": 0}, "num_inputs and num_outputs must be at least 1; got (0, 1)"),
    "endless inputs": ({"num_inputs": float("inf")}, "must be a network file in our format"),
    "half an input": ({"num_inputs": 2.5}, "must be a network file in our format"),
    "other sizes": ({"num_inputs": 1, "num_outputs": 2}, "nodes"),
    "too few nodes": ({"nodes": NODES[:3]}, "nodes"),
    "kinds swapped": ({"nodes": [*NODES[:3], NODES[4], NODES[3], NODES[5]]}, "nodes"),
    "id": (hidden(id=7), "nodes"),
    "kind": (hidden(kind="output"), "nodes"),
    "activation": (hidden(activation="softplus"), "activations must be among linear, step, sin"),
    "no activation": (hidden(activation=None), "must be a network file in our format"),
    "no mark": (hidden(mark=None), "must be a network file in our format"),
    "same mark": (hidden(mark=4), "marks must be"),
    "large mark": (hidden(mark=2**31), "must be a network file in our format"),
    "cycle": ({"connections": [[4, 5], [5, 4]]}, "connections must be free of cycles"),
    "disabled cycle": ({"disabled_connections": [[5, 4]]}, "connections must be free of cycles"),
    "into an input": ({"connections": [[4, 2]]}, "not into bias or inputs; got [[4, 2]]"),
    "from an output": ({"connections": [[3, 5]]}, "no output as their source; got [[3, 5]]"),
    "from nowhere": ({"connections": [[6, 3]]}, "connections must be between existing nodes"),
    "negative": ({"connections": [[-1, 3]]}, "connections must be between existing nodes"),
    "huge": ({"connections": [[10**30, 3]]}, "must be a network file in our format"),
    "fraction": ({"connections": [[0.5, 3]]}, "must be a network file in our format"),
    "triple": ({"connections": [[0, 3, 1]]}, "must be a network file in our format"),
    "info": ({"info": 5}, "info must be an object; got 'int'"),
    "encoder": ({"info": {"encoder": 7}}, "info.encoder must be a name; got 'int'"),
    "shared weights": ({"info": {"shared_weights": [1, 10**400]}}, "info.shared_weights must be a list of finite num"),
    "one shared weight": ({"info": {"shared_weights": 1.0}}, "info.shared_weights must be a list of finite numbers"),
    "many digits": ({"info": {"score": 10**400}}, "info must be without numbers of so many digits; got 401"),
    "half a letter": ({"info": {"by": ["\ud800"]}}, "info must be text that UTF-8 can hold; got 'halves of letters'"),
    "two lines": ({"connections": [["a\nb", 3]]}, "got 'a\\nb' where a whole number should be"),
    "duplicate": ({"connections": [[1, 3], [1, 3]]}, "connections must be all different"),
    "also disabled": ({"connections": [[0, 3]]}, "connections must be all different"),
}


@pytest.mark.parametrize("case", BAD_DOCUMENTS)
def test_a_bad_document_is_refused(tmp_path, case):
    changes, words = BAD_DOCUMENTS[case]
    path = tmp_path / "net.json"
    changed = small_document() | changes
    path.write_text(json.dumps({name: value for name, value in changed.items() if value is not None}))
    refused(lambda: load_genome(path), path, words)


def test_damaged_and_missing_files_are_refused(tmp_path):
    whole = json.dumps(small_document())
    path = tmp_path / "net.json"
    for content in ("", whole[:-20], "[]", "null", "5", "[" * 100_000, '{"num_inputs": ' + "1" * 5000 + "}"):
        path.write_text(content)
        refused(lambda: load_genome(path), path, "must be a network file in our format")
        with pytest.raises(DataError) as error:
            load_genome(path)
        assert not {"AttributeError", "TypeError", "object has no"} & set(str(error.value).split())
    path.write_bytes(b"\xff\xfe")
    refused(lambda: load_genome(path), path, "cannot be read")
    refused(lambda: load_genome(tmp_path / "none.json"), tmp_path / "none.json", "cannot be read")
    refused(lambda: load_genome(tmp_path), tmp_path / "champion.json", "cannot be read")


def test_what_never_ends_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_TEXT_BYTES", 1000)
    large, pipe = tmp_path / "large.json", tmp_path / "pipe.json"
    large.write_text(" " * 1001)
    os.mkfifo(pipe)
    refused(lambda: load_genome(large), large, "must be at most 1000 bytes large; got 1001")
    for path in (pipe, "/dev/zero"):
        refused(lambda path=path: load_genome(path, 2, 1), path, "must be a regular file")


@pytest.mark.parametrize("weight", [10**400, 1e39, float("nan"), "1", True, None])
def test_weights_that_are_no_numbers_of_32_bits_are_refused(tmp_path, weight):
    path = tmp_path / "net.json"
    path.write_text(json.dumps(small_document() | {"weights": [0.5, 1, -1, weight]}))
    refused(lambda: load_weights(path), path, "weights must be a list of 4 finite numbers, one per connection; got 4")


def test_what_is_written_is_json_that_every_reader_takes(tmp_path):
    genome = from_plain(SPEC, PlainGenome([1, 1, 1, 1], [(1, 3, True)]))
    info = {"score": float("-inf"), "curve": [{"step": 0, "score": float("nan")}], "weight": float("inf")}
    save_network(tmp_path / "net.json", genome, info)
    read = json.loads((tmp_path / "net.json").read_text(), parse_constant=pytest.fail)["info"]
    assert read == {"score": None, "curve": [{"step": 0, "score": None}], "weight": None}
    assert files.load_info(tmp_path / "net.json") == read


def test_sizes_that_a_task_asks_for_are_checked(tmp_path):
    path = tmp_path / "net.json"
    path.write_text(json.dumps(small_document()))
    assert int(load_network(path, 2, 1).num_connections) == 4
    refused(lambda: load_genome(path, 3, 1), path, "num_inputs must be 3; got 2")
    refused(lambda: load_network(path, 2, 2), path, "num_outputs must be 2; got 1")
