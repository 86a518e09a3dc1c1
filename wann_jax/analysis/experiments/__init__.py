"""Questions about weight agnostic networks, each answered by an experiment that can fail: one file for each.

`wann experiment --list` tells them. What all share, in base.py; a new one is a module with an `EXPERIMENT`, named here.
"""

# By name: the module that has it, imported when it is asked for.
EXPERIMENTS = {
    "ecology": "wann_jax.analysis.experiments.ecology",
    "ensemble": "wann_jax.analysis.experiments.ensemble",
    "evolution-or-gradient": "wann_jax.analysis.experiments.evolution_or_gradient",
    "parameters": "wann_jax.analysis.experiments.parameters",
    "random-weights": "wann_jax.analysis.experiments.random_weights",
}
