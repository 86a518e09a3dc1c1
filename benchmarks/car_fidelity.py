"""How far our racing car is from Gymnasium's CarRacing-v3: single steps, long runs, laps, frames.

    python -m benchmarks.car_fidelity [--episodes 32] [--steps 500] [--laps 20] [--seed 100]

Records the original (extra `box2d`) under varied policies and writes results/car_fidelity.json.
"""

import argparse
from typing import Any

import numpy as np

from benchmarks.common import write_result
from wann_jax.analysis.fidelity.car import RUN, frames, laps, one_step_errors, open_loop
from wann_jax.envs.car_racing import lens
from wann_jax.envs.car_racing.picture import CLOSE

Rows = dict[str, np.ndarray]


def main() -> None:
    """Records, compares, writes."""
    from wann_jax.analysis.fidelity import box2d_car

    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--laps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=100)
    options = parser.parse_args()
    rows, uniforms = box2d_car.record_many(options.episodes, options.steps, options.seed)
    errors = one_step_errors(rows, uniforms)
    steps = {
        name: {f"q{100 * share:g}": float(np.quantile(values, share)) for share in (0.5, 0.99, 0.999)}
        | {"largest": float(values.max()), "above_2e-4": int((values > 2e-4).sum())}
        for name, values in errors.items()
        if name != "on_road"
    }
    long = [i for i in range(options.episodes) if (rows["episode"] == i).sum() >= RUN][: len(box2d_car.POLICIES)]
    actions = np.stack([rows["action"][rows["episode"] == i][:RUN] for i in long])
    pairs = [*zip(uniforms[long], actions, strict=True)]
    theirs, nudged = (np.stack([box2d_car.replay(*pair, nudge) for pair in pairs]) for nudge in (0.0, 1e-5))
    ours = open_loop(uniforms[long], actions)
    gaps = {name: np.abs(run - theirs)[..., :2].max(-1) for name, run in (("ours", ours), ("nudged_1e-5_m", nudged))}
    roads = box2d_car.draw_tracks(options.laps, options.seed + 1)
    (returns, ends), (real_returns, real_ends) = laps(roads), np.array([*map(box2d_car.lap, roads)]).T
    wanted_steps = (*range(0, 50, 3), *range(50, 400, 10))
    seen = [box2d_car.record_frames(road, i, wanted_steps) for i, road in enumerate(roads[:6])]
    pose = np.concatenate([drive[1] for drive in seen])
    wanted = np.stack([lens.shrink(frame) for drive in seen for frame in drive[0]])
    gap = np.abs(frames(roads[:6], pose).astype(float) - wanted).mean((1, 2, 3))
    is_late = pose[:, 4] >= CLOSE
    document: dict[str, Any] = {
        "recorded_steps": len(rows["reward"]),
        "one_step": steps,
        "wheels_on_road_that_differ": int(errors["on_road"].sum()),
        "open_loop_m": {
            name: {str(at): [float(np.median(gap[:, at - 1])), float(gap[:, at - 1].max())] for at in (100, 200, RUN)}
            for name, gap in gaps.items()
        },
        "laps": len(roads),
        "laps_with_the_same_last_step": int((ends == real_ends).sum()),
        "laps_with_return_within_0.5": int((np.abs(returns - real_returns) < 0.5).sum()),
        "returns_ours_and_real": [returns.round(2).tolist(), real_returns.round(2).tolist()],
        "frames": len(pose),
        "frame_error_of_255_after_the_first_second": float(gap[is_late].mean()),
        "frame_error_of_255_in_the_first_second": float(gap[~is_late].mean()),
    }
    print(write_result("car_fidelity", document).read_text())


if __name__ == "__main__":
    main()
