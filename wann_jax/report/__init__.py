"""What people look at: progress while a search runs, and tables when it is done. Host only."""
