"""Searches and trainings in directories: files, checkpoints, Ctrl-C."""
