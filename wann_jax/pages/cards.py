"""What a notebook shows of networks and results: a few lines of HTML with pictures in it.

In: a network, a genome, what a search or a tuning gave. Out: HTML, which needs nothing from elsewhere.
"""

import base64
from functools import singledispatch
from html import escape

from matplotlib.figure import Figure

from wann_jax.evolution.loop import SearchResult
from wann_jax.genomes.genome import Genome
from wann_jax.networks.compiling import express
from wann_jax.networks.network import Network
from wann_jax.report.drawing.api import Drawing, draw
from wann_jax.report.plots import Plot, plot_tuning
from wann_jax.tasks.registry import known_task
from wann_jax.tuning.api import TuneResult


@singledispatch
def html_of(thing: object) -> str:
    """HTML of a thing that a notebook shows; of a batch of networks or genomes one line, in words."""
    raise NotImplementedError(type(thing))


@html_of.register
def _network(network: Network) -> str:
    spec = network.spec
    if network.num_connections.ndim:
        return _line(f"batch {network.num_connections.shape} of networks", spec.num_inputs, spec.num_outputs)
    return _drawing(draw(network))


def _drawing(drawing: Drawing) -> str:
    svg, png = drawing._repr_svg_(), drawing._repr_png_()  # whichever suits its size
    return _image(svg.encode(), "svg+xml") if svg is not None else _image(png or b"", "png")


@html_of.register
def _genome(genome: Genome) -> str:
    spec = genome.spec
    if genome.num_connections.ndim:
        return _line(f"batch {genome.num_connections.shape} of genomes", spec.num_inputs, spec.num_outputs)
    return html_of(express(genome))


@html_of.register
def _search(result: SearchResult) -> str:
    facts = {
        "champion's score": f"{result.champion_score:.4g}",
        "connections": int(result.champion.num_enabled),
        "hidden nodes": int(result.champion.num_hidden),
        "generations": len(result.history.generation),
    }
    drawing = draw(result.network, known_task(result.task_name))
    return _table(facts) + _picture(result.plot()) + _drawing(drawing)


@html_of.register
def _tuning(result: TuneResult) -> str:
    facts = {
        "score": f"{result.score:.4g}",
        "score of the start": f"{result.start_score:.4g}",
        "weights": len(result.weights),
        "steps": result.curve[-1]["step"],
    }
    if result.stopped:
        facts["stopped"] = result.stopped
    return _table(facts) + _picture(plot_tuning(result.curve))


def _line(what: str, num_inputs: int, num_outputs: int) -> str:
    return f"<p>{what}: {num_inputs} inputs, {num_outputs} outputs each</p>"


def _table(facts: dict[str, object]) -> str:
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in facts.items())
    return f"<table>{cells}</table>"


def _picture(figure: Figure) -> str:
    assert isinstance(figure, Plot)
    return _image(figure._repr_png_(), "png")


def _image(content: bytes, kind: str) -> str:
    """Within an element of its own, so that names in one picture do not meet those of another."""
    return f'<img style="max-width: 100%" src="data:image/{kind};base64,{base64.b64encode(content).decode()}">'
