"""Records the golden file of tests/envs/test_car_racing.py from Gymnasium's environment (extra `box2d`).

PYTHONPATH=. python scripts/record_car.py
"""

import numpy as np
from PIL import Image

from wann_jax.analysis.fidelity import box2d_car
from wann_jax.envs.car_racing.lens import FRAME_ROWS, SIZE

FILE = "tests/golden/box2d_car.npz"
KEPT, NEAR_STOP, LIGHT = 1300, 0.38, 1.2  # steps; rad; N m s, below what a motor ends with that presses on
RUN, NUDGE = 300, 1e-5  # steps; m
FRAME_STEPS = (0, 5, 12, 20, 30, 42, *range(50, 330, 28))


def main() -> None:
    """Steps (many near the steering's stops, all that press lightly on one), laps, runs, tries of tracks, frames."""
    rows, uniforms = box2d_car.record_many(24, 500, seed=40)
    angle = np.abs(rows["position"][:, 1:, 2] - rows["position"][:, :1, 2]).max(1)
    draw = np.random.default_rng(0)
    near = draw.permutation(np.flatnonzero(angle > NEAR_STOP))[: KEPT // 2]
    others = draw.permutation(len(angle))[: KEPT - len(near)]
    light = [((rows[name] > 0.0) & (rows[name] < LIGHT)).any(1) for name in ("stop", "next_stop")]
    kept = np.unique(np.concatenate([near, others, *map(np.flatnonzero, light)]))
    golden = {"uniforms": uniforms} | {name: values[kept] for name, values in rows.items()}

    golden["lap_uniforms"] = box2d_car.draw_tracks(10, seed=7)
    golden["lap_return"], golden["lap_steps"] = np.array([*map(box2d_car.lap, golden["lap_uniforms"])]).T

    begins = [np.flatnonzero(rows["episode"] == i)[0] for i in range(len(box2d_car.POLICIES))]
    golden["run_action"] = np.stack([rows["action"][begin : begin + RUN] for begin in begins])
    pairs = [*zip(uniforms, golden["run_action"], strict=False)]
    golden["run_hull"] = np.stack([box2d_car.replay(*pair) for pair in pairs]).astype(np.float32)
    golden["nudged_hull"] = np.stack([box2d_car.replay(*pair, NUDGE) for pair in pairs]).astype(np.float32)

    golden["try_uniforms"] = np.random.default_rng(3).random((40, 24)).astype(np.float32)
    tracks = [*map(box2d_car.lay_track, golden["try_uniforms"])]
    golden["try_tiles"] = np.array([0 if track is None else len(track[0]) for track in tracks], np.int16)
    golden["try_points"] = np.concatenate([track[0] for track in tracks if track]).astype(np.float32)
    golden["try_kerb"] = np.concatenate([track[1] for track in tracks if track])

    drives = [box2d_car.record_frames(numbers, 5, FRAME_STEPS) for numbers in golden["lap_uniforms"][:3]]
    frames = np.concatenate([drive[0] for drive in drives])
    golden["pose"] = np.concatenate([drive[1] for drive in drives])
    golden["raw_frame"] = frames[-1]
    images = [Image.fromarray(frame[:FRAME_ROWS]).resize((SIZE, SIZE), Image.Resampling.BILINEAR) for frame in frames]
    golden["frame"] = np.stack([np.asarray(image) for image in images])
    np.savez_compressed(FILE, **golden)
    print(f"{len(kept)} of {len(angle)} steps, laps {golden['lap_return'].round(1)} in {golden['lap_steps']} steps")


if __name__ == "__main__":
    main()
