"""Draws one episode of a network, a walk or a drive, to a PNG, GIF or (extra `video`) MP4 file.

python scripts/draw.py NETWORK walk.gif --task biped [--weight -1] [--seed 0] [--steps 400]
"""

import argparse
from pathlib import Path
from typing import Any

from wann_jax.kernels.forward import forward
from wann_jax.networks.files import load_network
from wann_jax.networks.network import Network
from wann_jax.report import biped, car
from wann_jax.runs.origin import task_of
from wann_jax.tasks.car_racing import CarRacingTask
from wann_jax.tasks.registry import make_task
from wann_jax.vae.model import encode


def drive(network: Network, task: CarRacingTask, weight: float, seed: int, steps: int) -> car.Journey:
    """A drive that sees through the task's encoder."""

    def policy(memory: None, picture: Any) -> Any:
        return memory, forward(network, weight, encode(task.encoder, picture[None]))[0]

    return car.travel(policy, None, seed, steps)


def main() -> None:
    """Acts and draws."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network", type=Path, help="a run directory, a network file, or a name of the zoo")
    parser.add_argument("picture", type=Path, help="ends in .png, .gif or .mp4")
    parser.add_argument("--task", choices=("biped", "carracing"), required=True)
    parser.add_argument("--weight", type=float, default=-1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--encoder", help="as wann evaluate has it; needed where the network's is not the package's")
    options = parser.parse_args()
    given = {"encoder": options.encoder} if options.encoder else {}
    task = make_task(options.task, **task_of(options.network, options.task, given)[1])
    network = load_network(options.network, task.num_inputs, task.num_outputs)
    episode: Any
    if isinstance(task, CarRacingTask):
        report: Any = car
        episode = drive(network, task, options.weight, options.seed, options.steps)
    else:
        report, episode = biped, biped.walk(network, options.weight, options.seed, options.steps)
    save = report.save_png if options.picture.suffix == ".png" else report.save_movie
    save(options.picture, episode)


if __name__ == "__main__":
    main()
