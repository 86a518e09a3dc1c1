"""A user's program, as a strict type checker sees the public names (pyproject.toml). Never run: mypy reads it."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import wann_jax as wann


def whole_way(task: wann.ControlTask, config: wann.SearchConfig) -> tuple[float, np.ndarray]:
    """Search, tune, judge, save."""
    log = wann.TensorBoardLog("logs")
    result: wann.SearchResult = wann.search(task, config, seed=1, on_dispatch=log, progress=True)
    log.close()
    start: float = wann.best_shared_weight(task, result.network)
    tuned: wann.TuneResult = wann.tune(task, result.network, start, "cma")
    figures: list[Figure] = [result.plot(), wann.plot_weights(task, result.network, tuned.weights, episodes=3)]
    figures[0].savefig("curves.png")
    open(wann.movie(task, result.network, tuned.weights, "episode.gif", seed=2, steps=9), "rb").close()
    rows: list[dict[str, object]] = [dict(row) for row in wann.protocol(task, result.network, tuned.weights)]
    genome, weights = wann.pruned(result.champion, tuned.weights)
    wann.save_network("file.json", wann.unite([genome, wann.load_genome("swingup")]), {"rows": rows}, weights)
    lift: wann.Genome = wann.lifted(genome, works_at_negative=start < 0)
    agnostic: bool = wann.is_graded(lift)
    rows.append({"row": "lifted", "agnostic": agnostic})
    wann.export(result.network, "champion.onnx", weights=tuned.weights)
    wann.export("file.json", Path("champion.c"), task="swingup", shared=True)
    scores: np.ndarray = wann.evaluate(task, [wann.load_network("file.json")], [1.0])
    wann.draw(result.network, "swingup", tuned.weights, highlight="force").save("picture.svg")
    return result.champion_score, scores


def own_loop(config: wann.SearchConfig, spec: wann.GenomeSpec) -> wann.SearchState:
    """Ask and tell."""
    state = wann.init(jax.random.key(0), config, spec)
    networks: wann.Network = wann.ask(state)
    outputs: jax.Array = wann.forward_lanes(networks, jnp.ones(2), jnp.ones((3, 2, spec.num_inputs)))
    state, _ = wann.tell(config, state, outputs[..., 0])
    return state
