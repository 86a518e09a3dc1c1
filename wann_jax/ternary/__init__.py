"""Exactly weight agnostic classifiers by gradient: ternary weights, straight through, embedded as graded networks."""
