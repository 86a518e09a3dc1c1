"""Questions about weight agnostic networks, each answered by an experiment that can fail: one file for each.

`wann experiment --list` tells them. What all share, in base.py; a new one is a module with an `EXPERIMENT`, named here.
"""

# By name: the module that has it, imported when it is asked for.
EXPERIMENTS = {
    "activations": "wann_jax.analysis.experiments.activations",
    "distillation": "wann_jax.analysis.experiments.distillation",
    "ecology": "wann_jax.analysis.experiments.ecology",
    "ensemble": "wann_jax.analysis.experiments.ensemble",
    "evolution-or-gradient": "wann_jax.analysis.experiments.evolution_or_gradient",
    "lottery-ticket": "wann_jax.analysis.experiments.lottery_ticket",
    "parameters": "wann_jax.analysis.experiments.parameters",
    "random-labels": "wann_jax.analysis.experiments.random_labels",
    "random-weights": "wann_jax.analysis.experiments.random_weights",
    "training-time": "wann_jax.analysis.experiments.training_time",
    "tunability": "wann_jax.analysis.experiments.tunability",
}
