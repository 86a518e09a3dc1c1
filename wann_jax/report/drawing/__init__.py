"""Drawings of networks: where nodes stand, how lines run, and what becomes a picture or a graph. Host only."""
