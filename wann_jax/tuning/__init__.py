"""Tuning: a weight of its own for every connection."""
