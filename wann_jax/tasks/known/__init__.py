"""The package's own tasks, one file each: whatever is known of a task stands in its file and nowhere else.

Nothing heavy is imported here before a task is made: `wann tasks` and `wann --help` read these files.
"""
