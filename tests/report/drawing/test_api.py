"""Drawings: what is in a picture, in a graph, in a highlighted part; and one line for every mistake."""

import dataclasses
import shutil
import xml.etree.ElementTree as ET
from functools import cache

import networkx as nx
import numpy as np
import pytest
from PIL import Image

import wann_jax as wann
from wann_jax import zoo
from wann_jax.errors import ConfigError, DataError
from wann_jax.genomes.activation_ids import ACTIVATION_NAMES, SIGMOID, SIN, TANH
from wann_jax.networks.files import load_network
from wann_jax.networks.layered import Node, Topology
from wann_jax.report.drawing.ancestry import ancestors, fed_most, influence, part_of
from wann_jax.report.drawing.api import Drawing, draw
from wann_jax.report.drawing.canvas import MARGIN, text_width
from wann_jax.report.drawing.icons import FAINT, GREY, NEGATIVE, POSITIVE, curve, zero_height
from wann_jax.report.drawing.layout import layout
from wann_jax.report.drawing.sketch import sketch
from wann_jax.tasks.labels import Labels

SVG = "{http://www.w3.org/2000/svg}"
# Inputs 1, 2 (3 is not read); 4 = f(1), 5 = f(bias), outputs 6 = f(4, 2), 7 = f(5).
SMALL = Topology(
    3, 6, (Node(SIN, (1,), (0,)), Node(TANH, (0,), (5,)), Node(1, (4, 2), (1, 3)), Node(1, (5,), (4,))), (6, 7)
)


@cache
def picture(name, **options):
    """A drawing of the zoo, as an SVG's root."""
    return ET.fromstring(draw(name, **options).svg())


def group(root, name):
    return next(each for each in root.iter(f"{SVG}g") if each.get("id") == name)


def words(root):
    return [each.text for each in root.iter(f"{SVG}text")]


def shapes(root, name):
    """The paths of a group, those drawn by reference too."""
    return [each for each in group(root, name) if each.tag in (f"{SVG}path", f"{SVG}use")]


@pytest.mark.parametrize("name", ["swingup52", "xor", "carracing", "biped"])
def test_a_picture_has_every_node_connection_and_name(name):
    root, drawing = picture(name), draw(name)
    topology = drawing.topology
    read = {source for node in topology.nodes for source in node.sources if source <= topology.num_inputs}
    assert len(shapes(root, "nodes")) == len(topology.nodes)
    assert len(shapes(root, "inputs")) == len(read)
    assert len(shapes(root, "connections")) == topology.num_connections
    found = words(root)
    for number in read:
        assert ("bias", *drawing.labels.inputs)[number] in found
    assert set(drawing.labels.outputs) <= set(found)
    assert {ACTIVATION_NAMES[node.activation] for node in topology.nodes} <= set(found)
    depth = len(topology.layers)
    assert (
        f"{topology.num_connections} live connections  ·  {topology.num_hidden} hidden nodes  ·  depth {depth}" in found
    )


@pytest.mark.parametrize("name", [name for name in zoo.names() if zoo.card(name)["num_connections"] < 2000])
def test_no_word_is_cut_off_and_none_lies_on_another(name):
    """Extents as the words are drawn: inside the sheet, apart from each other."""
    figure = draw(name).figure()
    renderer = figure.canvas.get_renderer()
    sheet = figure.bbox
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in figure.axes[0].texts]
    for text, box in boxes:
        assert box.x0 >= sheet.x0 + 5, text
        assert box.x1 <= sheet.x1 - 5, text
        assert box.y0 >= sheet.y0 + 5, text
        assert box.y1 <= sheet.y1 - 5, text
    for index, (text, box) in enumerate(boxes):
        for other, second in boxes[:index]:
            apart = box.x0 > second.x1 or second.x0 > box.x1 or box.y0 > second.y1 - 2 or second.y0 > box.y1 - 2
            assert apart, (text, other)


def test_weights_are_widths_and_colours():
    weights = np.array([-2.0, 1.0, 9.0, 0.0, 2.0, -0.1])  # the third one's connection leads nowhere
    looks = sketch(SMALL, weights, None, False)
    assert looks.ends.tolist() == [[1, 4], [0, 5], [4, 6], [2, 6], [5, 7]]
    assert looks.line_colours == [NEGATIVE, NEGATIVE, POSITIVE, GREY, POSITIVE]
    assert looks.scale == 2.0
    by_size = looks.line_widths[[0, 2, 1, 3]]
    assert (np.diff(by_size) < 0).all()
    assert looks.line_widths[0] == looks.line_widths[4]
    plain = sketch(SMALL, None, None, False)
    assert plain.scale is None
    assert np.ptp(plain.line_widths) == 0
    assert plain.line_colours == [plain.node_colours[source] for source, _ in plain.ends]


def test_words_of_weights_tell_what_occurs():
    assert {"weight ≤ -3.1", "below 0", "above 0", "weight ≥ 3.1"} <= set(words(picture("swingup52")))
    assert [each for each in words(picture("xor")) if "weight" in each] == ["every weight -1.86"]
    assert not [each for each in words(picture("swingup52", weights=False)) if "weight" in each or " 0" in each]


def test_a_highlighted_output_keeps_its_ancestors_strong():
    looks = sketch(SMALL, None, 0, False)
    assert np.flatnonzero(looks.is_strong).tolist() == [1, 2, 4, 6] == sorted(ancestors(SMALL, 0))
    assert [colour == FAINT for colour in looks.line_colours] == [False, True, False, False, True]
    part = part_of(SMALL, 0)
    assert part == Topology(3, 6, (Node(SIN, (1,), (0,)), Node(1, (4, 2), (1, 3))), (5,))
    assert part_of(SMALL, 1).nodes == (Node(TANH, (0,), (5,)), Node(1, (4,), (4,)))


def test_of_a_large_network_the_highlighted_part_alone_is_drawn():
    drawing = draw("mnist1849", highlight="3")
    topology, labels = drawing.shown
    graph = nx.DiGraph()
    first = 1 + drawing.topology.num_inputs
    for number, node in enumerate(drawing.topology.nodes, first):
        graph.add_edges_from((source, number) for source in node.sources)
    wanted = nx.ancestors(graph, drawing.topology.outputs[3])
    assert len(topology.nodes) == 1 + sum(number >= first for number in wanted)
    assert {s for node in topology.nodes for s in node.sources if s < first} == {s for s in wanted if s < first}
    assert labels.outputs == ("3",)
    root = picture("mnist1849", highlight="3")
    assert len(shapes(root, "nodes")) == len(topology.nodes)
    assert "connections that read each pixel" in words(root)
    assert draw("mnist1849", highlight=3).shown == drawing.shown
    # Of a small one the rest is faint.
    assert draw("carracing", highlight="gas").shown[0] == draw("carracing").topology


def test_where_outputs_look_are_shares_of_ways_back():
    found = influence(SMALL)
    np.testing.assert_allclose(found[0], [0, 0.5, 0.5, 0, 0.5, 0, 1, 0])
    np.testing.assert_allclose(found[1], [1, 0, 0, 0, 0, 1, 0, 1])
    assert fed_most(SMALL)[[1, 2, 0, 3]].tolist() == [0, 0, 1, -1]
    topology = Topology.of(load_network("mnist"))
    ends = influence(topology)[:, : 1 + topology.num_inputs].sum(axis=1)
    constants = [number for number, node in enumerate(topology.nodes, 257) if not node.sources]
    np.testing.assert_allclose(ends + influence(topology)[:, constants].sum(axis=1), 1.0)


def named(topology, labels, weights=None):
    return Drawing(topology, labels.fitting(topology.num_inputs, len(topology.outputs)), weights, "small", None)


@pytest.mark.parametrize("name", ["swingup52", "carracing"])
@pytest.mark.parametrize("highlight", [None, 0])
def test_graphs_read_back_are_the_network(tmp_path, name, highlight):
    drawing = draw(name, highlight=highlight)
    topology, labels = drawing.part
    first = 1 + topology.num_inputs
    expected = {
        (source, number): drawing.weights[place]
        for number, node in enumerate(topology.nodes, first)
        for source, place in zip(node.sources, node.connections, strict=True)
    }
    drawing.save(tmp_path / "graph.graphml")
    graph = nx.read_graphml(tmp_path / "graph.graphml", node_type=int)
    assert {(source, target): facts["weight"] for source, target, facts in graph.edges(data=True)} == expected
    for number, node in enumerate(topology.nodes, first):
        assert graph.nodes[number]["activation"] == ACTIVATION_NAMES[node.activation]
        assert graph.nodes[number]["kind"] == ("output" if number in topology.outputs else "hidden")
    assert [graph.nodes[number]["label"] for number in topology.outputs] == list(labels.outputs)
    inputs = [number for number in graph if graph.nodes[number]["kind"] == "input"]
    assert all(graph.nodes[number]["label"] == labels.inputs[number - 1] for number in inputs)


def test_dot_has_every_node_and_connection(tmp_path):
    weights = np.linspace(-1, 1, 6)
    named(SMALL, Labels(("a", 'b "c"', "d"), ("x", "y"))).save(tmp_path / "plain.dot")
    named(SMALL, Labels(("a", 'b "c"', "d"), ("x", "y")), weights).save(tmp_path / "weights.dot")
    lines = (tmp_path / "plain.dot").read_text().splitlines()
    assert [line.strip() for line in lines if "->" in line] == ["0 -> 5;", "1 -> 4;", "2 -> 6;", "4 -> 6;", "5 -> 7;"]
    assert '  2 [kind="input", label="b \\"c\\"", shape="plaintext", style=""];' in lines
    assert "  { rank=source; 0; 1; 2; }" in lines
    assert "  { rank=sink; 6; 7; }" in lines
    assert f'  4 -> 6 [tuned_weight="-0.6", color="{NEGATIVE}"];' in (tmp_path / "weights.dot").read_text().splitlines()
    if shutil.which("dot"):
        import subprocess

        subprocess.run(["dot", "-Tsvg", str(tmp_path / "weights.dot")], check=True, capture_output=True)


def test_pictures_are_of_their_kind_and_whole(tmp_path):
    drawing = draw("xor")
    for ending, start in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")):
        drawing.save(tmp_path / f"xor{ending}")
        assert (tmp_path / f"xor{ending}").read_bytes().startswith(start)
    with Image.open(tmp_path / "xor.png") as image:
        assert image.size[0] > 1.5 * image.size[1]
        assert image.convert("RGB").getpixel((3, 3)) == (255, 255, 255)
    first = (tmp_path / "xor.svg").read_bytes()
    drawing.save(tmp_path / "xor.svg")  # in Python a file is replaced, as by save_network
    assert (tmp_path / "xor.svg").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["xor.pdf", "xor.png", "xor.svg"]


def test_a_failed_drawing_leaves_nothing(tmp_path, monkeypatch):
    drawing = draw("xor")
    (tmp_path / "taken.svg").mkdir()
    with pytest.raises(OSError, match=r"taken\.svg"):
        drawing.save(tmp_path / "taken.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.svg"]


def test_names_are_no_formulas_and_titles_do_not_grow(tmp_path):
    text = "cost $x$ of $"
    odd = named(SMALL, Labels((text, r"\frac{", "d"), ("x_1^2", "y")))
    root = ET.fromstring(dataclasses.replace(odd, title="a$b$c" * 11).svg())
    assert {text, r"\frac{", "x_1^2", "a$b$c" * 11} <= set(words(root))
    path = tmp_path / ("n" * 90 + ".json")
    shutil.copy(zoo.file_of("xor"), path)
    drawing = draw(path)
    assert drawing.title == "n" * 59 + "…"
    assert drawing.figure().get_size_inches()[0] >= text_width(drawing.title, 15.0, "bold") + 2 * MARGIN


def test_what_is_drawn_can_come_from_python():
    network = load_network("swingup52")
    drawing = wann.draw(network, "swingup")
    assert drawing.labels.outputs == ("force",)
    assert drawing.title == "swingup"
    assert drawing.weights is None
    assert wann.draw(network).labels.inputs == tuple(f"in {index}" for index in range(5))
    weights = np.arange(52.0)
    assert wann.draw(network, weights=weights).weights.tolist() == weights.tolist()
    assert wann.draw("swingup52", weights=weights).weights.tolist() == weights.tolist()
    assert wann.draw("swingup52", weights=False).weights is None
    assert wann.draw("swingup52").weights.shape == (52,)


def test_a_file_of_a_task_that_is_not_known_here_is_drawn(tmp_path):
    text = zoo.file_of("xor").read_text().replace('"task": "xor"', '"task": "elsewhere"')
    (tmp_path / "foreign.json").write_text(text)
    assert draw(tmp_path / "foreign.json").labels.inputs == ("in 0", "in 1")
    assert draw(tmp_path / "foreign.json", "xor").labels.inputs == ("a", "b")


def test_a_matrix_needs_a_task(tmp_path):
    # a -> abs -> output
    (tmp_path / "champion.out").write_text("0,0,0,0,0,1\n0,0,0,1,0,1\n0,0,0,0,0,1\n0,0,0,0,1,8\n0,0,0,0,0,1\n")
    with pytest.raises(ConfigError, match="task must be one that names its inputs and outputs: the matrix file"):
        draw(tmp_path / "champion.out")
    with pytest.raises(DataError):
        draw(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"highlight": "brakes"},
            r"highlight must be one of steering, gas, brake; got 'brakes' \(did you mean 'brake'",
        ),
        ({"highlight": 3}, "highlight must be one of steering, gas, brake; got 3"),
        ({"highlight": -1}, "highlight must be one of steering, gas, brake; got -1"),
        ({"task": "carracin"}, "did you mean 'carracing'"),
        ({"weights": np.ones(5)}, r"weights must be 90 finite numbers, one per connection; got \(5,\)"),
        ({"weights": np.full(90, np.nan)}, "weights must be 90 finite numbers"),
    ],
)
def test_mistakes_get_one_line(options, message):
    with pytest.raises(ConfigError, match=message):
        draw("carracing", **options)


def test_another_ending_is_refused(tmp_path):
    rule = r"path must be a name that ends in \.svg, \.png, \.pdf, \.dot, \.graphml; got"
    with pytest.raises(ConfigError, match=rule):
        draw("xor").save(tmp_path / "xor.gif")


def test_curves_are_those_of_the_functions():
    rising = curve(TANH)
    assert (np.diff(rising[:, 1]) >= 0).all()
    np.testing.assert_allclose(rising[:, 1], -rising[::-1, 1], atol=1e-6)
    assert zero_height(TANH) == 0
    assert curve(SIGMOID)[:, 1].min() > zero_height(SIGMOID)
    for activation in range(1, 11):
        assert np.linalg.norm(curve(activation), axis=1).max() < 0.85  # inside the circle


def test_many_inputs_that_are_no_image_keep_their_names_apart():
    nodes = (Node(1, tuple(range(1, 61)), tuple(range(60))),)
    topology = Topology(60, 60, nodes, (61,))
    found = layout(topology, Labels().fitting(60, 1))
    assert np.ptp(found.x[1:61]) == 0
    assert np.diff(np.sort(found.y[1:61])).min() >= found.gap - 1e-9
    root = ET.fromstring(named(topology, Labels()).svg())
    assert {f"in {index}" for index in range(60)} <= set(words(root))


def test_a_notebook_shows_lines_or_of_many_pixels():
    small, large = draw("xor"), draw("mnist1849")
    assert small._repr_svg_() == small.svg()
    assert small._repr_png_() is None
    assert large._repr_svg_() is None
    assert large._repr_png_().startswith(b"\x89PNG")
    assert len(draw("mnist1849").svg()) < 1_000_000


def test_weights_that_are_all_the_same_leave_colours_to_sources():
    looks = sketch(SMALL, np.full(6, -1.5), None, False)
    assert looks.scale is None
    assert looks.line_colours == [looks.node_colours[source] for source, _ in looks.ends]
