"""Records the golden file of tests/envs/test_bipedal_walker.py from Gymnasium's environment (extra `box2d`).

PYTHONPATH=. python scripts/record_biped.py
"""

import numpy as np

from wann_jax.analysis.fidelity.box2d_walker import POLICIES, record_many

FILE = "tests/golden/box2d_walker.npz"
EPISODES, STEPS, KEPT, RUN = 36, 900, 900, 40
LEVEL_GROUND = 10.0  # m, where slopes begin
PER_EPISODE = ("terrain", "force", "start_obs")


def main() -> None:
    """Keeps random steps, more of them on slopes, every episode's first and last one, and whole starts of some."""
    rows = record_many(EPISODES, STEPS, first_seed=1000)
    episode = rows["episode"]
    first = np.flatnonzero(np.diff(episode, prepend=-1))
    last = np.flatnonzero(np.diff(episode, append=-1))
    draw = np.random.default_rng(0)
    far = draw.permutation(np.flatnonzero(rows["position"][:, 2, 0] > LEVEL_GROUND))[:KEPT]
    others = draw.permutation(len(episode))[:KEPT]
    kept = np.unique(np.concatenate([first, last, far, others]))
    golden = {name: values if name in PER_EPISODE else values[kept] for name, values in rows.items()}
    starts = first[: len(POLICIES)]
    for name in ("action", "obs"):
        golden[f"run_{name}"] = np.stack([rows[name][start : start + RUN] for start in starts])
    golden["contacts"] = golden["contacts"][:, : (golden["contacts"][:, :, 0] >= 0).sum(1).max()]
    golden["impulses"] = golden["impulses"][:, : golden["contacts"].shape[1]]
    np.savez_compressed(FILE, **golden)
    print(f"{len(kept)} of {len(episode)} steps, {int(golden['terminated'].sum())} ends")


if __name__ == "__main__":
    main()
