"""Encoders: squared error, linear probe, size in either precision, and frames per second, for each width.

    python -m benchmarks.vae [ENCODER_DIR ...] [--frames 4096] [--tracks 16] [--seed 1000]

Judges directories of `wann train-vae`, or encoders that come with the package (default: all of them), on tracks that
none was trained on, times untrained encoders of several widths beside them, and writes results/vae.json.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.common import time_it, write_result
from wann_jax.vae.files import load_decoder, load_encoder, load_info, save_part, trained_names
from wann_jax.vae.frames import Frames, make_frames
from wann_jax.vae.judging import TRUTHS, judge
from wann_jax.vae.model import CPU_CHUNK, Params, encode, init_params
from wann_jax.vae.probe import probe_r2

WIDTHS = (8, 12, 16, 24, 32)
TIMED_FRAMES = 512


def judged(name: str, frames: Frames) -> dict[str, Any]:
    """Figures of one trained pair."""
    params = {"encoder": load_encoder(name), "decoder": load_decoder(name)}
    truth = np.stack([np.asarray(getattr(frames, truth)) for truth in TRUTHS], 1)
    means = np.asarray(jax.jit(encode)(params["encoder"], frames.pixels))
    near, is_drive, track = (np.asarray(values) for values in (frames.is_near, frames.is_drive, frames.track))
    found = {
        part: dict(zip(TRUTHS, probe_r2(means, truth, track, near & mask).round(4).tolist(), strict=True))
        for part, mask in (("poses", ~is_drive), ("drives", is_drive))
    }
    info = load_info(name)
    return {
        "step": info["step"],
        "config": info["config"],
        **judge(params, frames),
        "r2_within": found,
        "deviation_of_means": means.std(0).round(3).tolist(),
        "bytes": {part: sizes(part, params[part]) for part in params},
    }


def sizes(part: str, params: Params) -> dict[str, int]:
    """Of a part's file in either precision."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for dtype in (np.float16, np.float32):
            path = Path(folder) / dtype.__name__
            save_part(path, part, params, {}, dtype)
            found[dtype.__name__] = path.stat().st_size
    return found


def frames_per_second(width: int, pixels: jax.Array) -> dict[str, float]:
    """Of an encoder of that width on one device, in chunks that fit a cache and all frames at once."""
    encoder = init_params(jax.random.key(0), width, 1)["encoder"]
    parameters = sum(leaf.size for leaf in jax.tree.leaves(encoder))
    rates: dict[str, float] = {"parameters": parameters}
    for label, chunk in ((f"{CPU_CHUNK} at once", CPU_CHUNK), ("all at once", 0)):
        run = partial(jax.jit(encode, static_argnames="chunk"), encoder, pixels, chunk=chunk)
        rates[label] = round(len(pixels) / time_it(run, 5)["median"], 1)
    return rates


def main() -> None:
    """Judges, times, writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--frames", type=int, default=4096)
    parser.add_argument("--tracks", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1000)
    options = parser.parse_args()
    drives = options.frames // 2
    frames = make_frames(jax.random.key(options.seed), options.tracks, options.frames - drives, drives)
    pixels = jnp.asarray(frames.pixels[:TIMED_FRAMES])
    document = {
        "frames": {"poses": options.frames - drives, "drives": drives, "near": int(frames.is_near.sum())},
        "mean_picture": float(
            jnp.square(frames.pixels / 255.0 - (frames.pixels / 255.0).mean(0)).sum((1, 2, 3)).mean()
        ),
        "encoders": {Path(name).name: judged(name, frames) for name in options.names or trained_names()},
        "frames_per_second_by_width": {width: frames_per_second(width, pixels) for width in WIDTHS},
    }
    print(write_result("vae", document).read_text())


if __name__ == "__main__":
    main()
