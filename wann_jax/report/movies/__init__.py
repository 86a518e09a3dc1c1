"""Movies of episodes: what happens, what it looks like, and files that hold it."""
