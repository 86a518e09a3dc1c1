"""What a notebook shows: pictures and few words, made when they are asked for."""

import base64
import re
import subprocess
import sys

import numpy as np
import pytest

import wann_jax as wann
from wann_jax.tuning.api import TuneResult


@pytest.fixture(scope="module")
def result():
    config = wann.SearchConfig.preset("xor", "quick", population_size=24, champion_candidates=3, generations=3)
    return wann.search(wann.make_task("xor"), config, seed=1)


def images(html):
    """(kind, content) of each picture."""
    found = re.findall(r'src="data:image/([\w+]+);base64,([^"]+)"', html)
    return [(kind, base64.b64decode(content)) for kind, content in found]


def cells(html):
    return dict(re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>", html))


def test_a_network_and_its_genome_show_the_drawing(result):
    (picture,) = images(result.network._repr_html_())
    assert picture == ("svg+xml", wann.draw(result.network)._repr_svg_().encode())
    assert images(result.champion._repr_html_()) == [picture]


def test_a_large_network_shows_pixels():
    ((kind, content),) = images(wann.load_network("mnist")._repr_html_())
    assert (kind, content[:4]) == ("png", b"\x89PNG")


def test_a_batch_shows_a_line(result):
    networks = wann.ask(result.state)
    assert networks._repr_html_() == "<p>batch (24,) of networks: 2 inputs, 1 outputs each</p>"
    assert result.state.genomes._repr_html_() == "<p>batch (24,) of genomes: 2 inputs, 1 outputs each</p>"


def test_a_search_shows_score_curves_and_drawing(result):
    html = result._repr_html_()
    assert cells(html) == {
        "champion&#x27;s score": f"{result.champion_score:.4g}",
        "connections": str(int(result.champion.num_enabled)),
        "hidden nodes": str(int(result.champion.num_hidden)),
        "generations": "3",
    }
    curves, drawing = images(html)
    assert curves[0] == "png"
    assert curves[1].startswith(b"\x89PNG")
    assert drawing == ("svg+xml", wann.draw(result.network, "xor")._repr_svg_().encode())
    by_hand = images(result._replace(task_name="no such task")._repr_html_())
    assert by_hand == [curves, *images(result.network._repr_html_())]
    best = result.plot().axes[0].lines[0]
    np.testing.assert_array_equal(best.get_ydata(), result.history.return_max)


def test_a_tuning_shows_scores_and_curve():
    curve = [{"step": 0, "work": 0.0, "score": 0.5, "best": 0.5}, {"step": 9, "work": 1.0, "score": 0.7, "best": 0.7}]
    html = TuneResult(np.ones(4), 0.7, 0.5, curve, "weights were <not> finite")._repr_html_()
    stopped = "weights were &lt;not&gt; finite"
    assert cells(html) == {
        "score": "0.7", "score of the start": "0.5", "weights": "4", "steps": "9", "stopped": stopped
    }  # fmt: skip
    assert [kind for kind, _ in images(html)] == ["png"]


def test_nothing_that_draws_is_imported_before_it_is_asked_for():
    program = "import sys, wann_jax as wann; wann.search, wann.tune, wann.plot_weights; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"wann_jax.pages.cards", "wann_jax.report.plots", "matplotlib.figure"} & {*done.stdout.split()}
