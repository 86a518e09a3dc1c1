"""How far one step of our walker is from one step of Box2D's, from the same state.

    python -m benchmarks.biped_fidelity [--episodes 96] [--steps 300] [--seed 0]

Records Gymnasium's BipedalWalker-v3 (extra `box2d`) under varied policies, sets our state from each recorded state,
steps both with the same action, and writes results/biped_fidelity.json: shares of steps below bounds.
"""

import argparse
from typing import Any

import numpy as np

from benchmarks.common import without_native, write_result
from wann_jax.analysis.fidelity.walker import Rows, one_step_errors
from wann_jax.envs.bipedal.world import EXACT, Passes


def summary(errors: Rows) -> dict[str, Any]:
    """Shares of steps below bounds, and the worst."""
    bounds = {"velocity": (1e-3, 0.05), "position": (1e-3, 0.01), "observation": (1e-3, 1e-2), "reward": (1e-3, 1e-2)}
    shares = {
        name: {f"below_{bound}": float((errors[name] < bound).mean()) for bound in values}
        | {"largest": float(errors[name].max()), "median": float(np.median(errors[name]))}
        for name, values in bounds.items()
    }
    return shares | {f"{name}_that_differ": int(errors[name].sum()) for name in ("flags", "terminated")}


def main() -> None:
    """Records, compares, writes."""
    from wann_jax.analysis.fidelity.box2d_walker import POLICIES, record_many

    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=96)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = record_many(options.episodes, options.steps, options.seed)
    settings = {"native": EXACT, "native, 120 velocity passes": Passes(velocity=120)}
    found = {name: summary(one_step_errors(rows, passes)) for name, passes in settings.items()}
    found["xla"] = summary(without_native(one_step_errors, rows))
    document = {
        "steps": len(rows["reward"]),
        "episodes": options.episodes,
        "falls": int(rows["terminated"].sum()),
        "policies": POLICIES,
        "on_slopes": int((rows["position"][:, 2, 0] > 10.0).sum()),
        "settings": found,
    }
    print(write_result("biped_fidelity", document).read_text())


if __name__ == "__main__":
    main()
