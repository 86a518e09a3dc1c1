"""Makes a network of the zoo: python scripts/zoo_card.py RUN[,RUN...] NAME "COMMAND" "SUMMARY" [TUNED] [TRIALS].

RUN: run directories. TUNED: the file that `wann tune` wrote for the run's champion, or for a union of several runs'.
The card holds the protocol's rows; thinned logs of the runs go to benchmarks/results/zoo_NAME.json. What a benchmark
found of the network (benchmarks/results/NAME_champion.json) goes into the card too.
"""

import json
import sys
from pathlib import Path

from wann_jax import zoo
from wann_jax.analysis.protocol import protocol, size_of
from wann_jax.files import strict_json
from wann_jax.networks.files import (
    CHAMPION_FILE,
    load_genome,
    load_network,
    load_weights,
    save_network,
)
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.origin import task_of
from wann_jax.tasks.registry import make_task
from wann_jax.tasks.tunable import tunable

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
LOG_ROWS = 300


def main(run: str, name: str, command: str, summary: str, tuned: str = "", trials: str = "1000") -> None:
    """Writes wann_jax/zoo/NAME.json and the log."""
    run, *others = run.split(",")
    directory = RunDirectory.open(Path(run))
    settings = directory.read_settings()
    _, options = task_of(run)
    task = tunable(make_task(settings.task, **options))
    found = RESULTS / f"{name}_champion.json"
    worlds = json.loads(found.read_text()) if found.exists() else {}
    network, genome = load_network(tuned or run), load_genome(tuned or run)
    info = json.loads((Path(run) / CHAMPION_FILE).read_text())["info"]
    weights = load_weights(tuned) if tuned else None
    info["shared_weights"] = list(settings.config.shared_weights)
    members = settings.config.shared_weights
    rows = protocol(task, network, weights, int(trials), members, best=worlds.get("best_shared_weight"))
    if tuned:
        info["tuning"] = json.loads(Path(tuned).read_text())["info"]["tuning"]
    sizes = {f"num_{name}": count for name, count in size_of(network).items()}
    card = {**info, **sizes, "command": command, "summary": summary, "protocol": rows}
    if worlds:
        card["worlds"] = {key: value for key, value in worlds.items() if key != "machine"}
    save_network(zoo.file_of(name), genome, card, weights)
    for index, path in enumerate([run, *others]):
        metrics = RunDirectory.open(Path(path)).read_metrics()
        thinned = [row for row in metrics if row["generation"] % max(1, len(metrics) // LOG_ROWS) == 0]
        log = {"command": command, "generations": len(metrics), "rows": [*thinned, metrics[-1]]}
        text = strict_json(log).replace('{"generation"', '\n{"generation"') + "\n"
        (RESULTS / f"zoo_{name}{f'_{index + 1}' if others else ''}.json").write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
