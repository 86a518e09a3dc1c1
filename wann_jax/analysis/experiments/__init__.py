"""Questions about weight agnostic networks, each answered by an experiment that can fail: one file for each.

`wann experiment --list` tells them. What all share, in base.py; a new one is a module with an `EXPERIMENT`, named here.
"""

# By name: the module that has it, imported when it is asked for.
EXPERIMENTS = {
    "activations": "wann_jax.analysis.experiments.activations",
    "random-weights": "wann_jax.analysis.experiments.random_weights",
    "tunability": "wann_jax.analysis.experiments.tunability",
    "distillation": "wann_jax.analysis.experiments.distillation",
    "lottery-ticket": "wann_jax.analysis.experiments.lottery_ticket",
    "random-labels": "wann_jax.analysis.experiments.random_labels",
    "training-time": "wann_jax.analysis.experiments.training_time",
}
