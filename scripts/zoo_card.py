"""Makes a network of the zoo: python scripts/zoo_card.py RUN[,RUN...] NAME "COMMAND" "SUMMARY" [TUNED] [TRIALS].

RUN: run directories, or the file of `wann ternary`. TUNED: the file that `wann tune` wrote for the run's champion, or
for a union of several runs'. The card holds the protocol's rows; thinned logs of the runs go to
benchmarks/results/zoo_NAME.json. What a benchmark found of the network (benchmarks/results/*_champion_NAME.json)
goes into the card too.
"""

import json
import sys
from pathlib import Path

from wann_jax import zoo
from wann_jax.analysis.protocol import protocol, size_of
from wann_jax.files import strict_json
from wann_jax.networks.files import load_genome, load_info, load_network, load_weights, save_network
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.origin import task_of
from wann_jax.tasks.registry import make_task
from wann_jax.tasks.tunable import tunable

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
LOG_ROWS = 300


def main(run: str, name: str, command: str, summary: str, tuned: str = "", trials: str = "1000") -> None:
    """Writes wann_jax/zoo/NAME.json and the logs of runs."""
    run, *others = run.split(",")
    info = load_info(run)
    if Path(run).is_dir():
        info["shared_weights"] = list(RunDirectory.open(Path(run)).read_settings().config.shared_weights)
    task_name, options = task_of(run)
    task = tunable(make_task(task_name, **options))
    found = [json.loads(path.read_text()) for path in RESULTS.glob(f"*_champion_{name}.json")]
    worlds = found[0] if found else {}
    network, genome = load_network(tuned or run), load_genome(tuned or run)
    weights = load_weights(tuned) if tuned else None
    members = info["shared_weights"]
    rows = protocol(task, network, weights, int(trials), members, best=worlds.get("best_shared_weight"))
    if tuned:
        info["tuning"] = load_info(tuned)["tuning"]
    sizes = {f"num_{name}": count for name, count in size_of(network).items()}
    card = {**info, **sizes, "command": command, "summary": summary, "protocol": rows}
    card.pop("curve", None)
    if worlds:
        card["worlds"] = {key: value for key, value in worlds.items() if key != "machine"}
    save_network(zoo.file_of(name), genome, card, weights)
    for index, path in enumerate([run, *others]):
        if Path(path).is_dir():
            write_log(Path(path), f"zoo_{name}{f'_{index + 1}' if others else ''}.json", command)


def write_log(run: Path, file: str, command: str) -> None:
    """Some rows of a run's metrics, evenly spaced."""
    metrics = RunDirectory.open(run).read_metrics()
    thinned = [row for row in metrics if row["generation"] % max(1, len(metrics) // LOG_ROWS) == 0]
    log = {"command": command, "generations": len(metrics), "rows": [*thinned, metrics[-1]]}
    (RESULTS / file).write_text(strict_json(log).replace('{"generation"', '\n{"generation"') + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
