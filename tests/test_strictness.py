"""32 bits inside, whatever the user has set JAX to."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
IN_64_BITS = """
import jax
import jax.numpy as jnp
import numpy as np

import wann_jax as wann

assert jnp.zeros(1).dtype == "float64"
task = wann.make_task("xor")
config = wann.SearchConfig.preset("xor", "quick", generations=4, population_size=16)
result = wann.search(task, config, seed=0)
assert wann.evaluate(task, [result.network], [1.0, -1.0], episodes=3).dtype == "float32"
assert wann.forward(result.network, 1.0, np.array([[0.0, 1.0]])).dtype == "float32"
start = wann.best_shared_weight(task, result.network)
for method in ("adam", "es", "cma"):
    settings = wann.TuneConfig.for_task(False, method, steps=2, validation_interval=2)
    weights = wann.tune(task, result.network, start, method=method, config=settings).weights
assert len(wann.protocol(task, result.network, weights, trials=10)) == 4
state = wann.init(jax.random.key(0), config, result.champion.spec)
networks = jax.jit(wann.ask)(state)
outputs = wann.forward_samples(networks, jnp.array(config.shared_weights), jnp.eye(2))
state, metrics = jax.jit(wann.tell)(config, state, outputs[..., 0].mean(-1))
assert {str(leaf.dtype) for leaf in jax.tree.leaves((state, metrics))} <= {"float32", "int32", "bool", "key<fry>"}
print(wann.search(task, config, seed=0).champion_score)
"""


def run(*words, x64):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_ENABLE_X64": x64}
    call = [sys.executable, "-W", "error", *words]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_python_everything_works_and_is_the_same():
    plain = IN_64_BITS.replace('assert jnp.zeros(1).dtype == "float64"', "")
    assert run("-c", IN_64_BITS, x64="1") == run("-c", plain, x64="0")


def test_the_command_line_says_the_same(tmp_path):
    words = ("-m", "wann_jax", "evaluate", "swingup", "--max-steps", "20", "--episodes", "2", "--json")
    assert run(*words, x64="1") == run(*words, x64="0")
