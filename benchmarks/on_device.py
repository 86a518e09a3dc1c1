"""A search on whatever device JAX finds, generation by generation: python -m benchmarks.on_device TASK [options].

In: a task, a preset, seconds to spend. Out: benchmarks/results/on_device_TASK_PRESET_DEVICE.json: seconds of the
dispatches that compile, the median seconds of a generation in the others, their speed in the task's unit of work.
"""

import argparse
import statistics
import time
from typing import Any

import jax

import wann_jax as wann
from benchmarks.common import write_result
from wann_jax.evolution.loop import dispatches, start
from wann_jax.tasks.registry import find_spec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--generations", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120.0, help="no dispatch begins after so long")
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    options: dict[str, Any] = {**find_spec(args.task).preset(args.task, args.preset).options}
    options |= {"data_dir": args.data_dir} if args.data_dir else {}
    task = wann.make_task(args.task, **options)
    config = wann.SearchConfig.preset(args.task, args.preset, generations=args.generations)
    began, seconds, work, done, compiling = time.perf_counter(), [], 0.0, 0, []
    for dispatch in dispatches(task, config, start(task, config, 0)):
        generations = len(dispatch.metrics.generation)
        done += generations
        if dispatch.compiled:
            compiling.append(dispatch.seconds)
        else:
            seconds += [dispatch.seconds / generations] * generations
            work += float(dispatch.metrics.work.sum())
        print(done, dispatch.compiled, round(dispatch.seconds, 3), float(dispatch.metrics.return_max[-1]), flush=True)
        if time.perf_counter() - began > args.seconds:
            break
    device = jax.devices()[0].device_kind.replace(" ", "_")
    document = {
        "device": jax.devices()[0].device_kind,
        "task": args.task,
        "preset": args.preset,
        "population_size": config.population_size,
        "generations": done,
        "seconds_of_dispatches_that_compile": compiling,
        "seconds_per_generation": statistics.median(seconds) if seconds else None,
        "work_per_second": work / sum(seconds) if seconds else None,
        "work_unit": task.work_unit,
    }
    print(document)
    print(f"written: {write_result(f'on_device_{args.task}_{args.preset}_{device}', document)}")


if __name__ == "__main__":
    main()
