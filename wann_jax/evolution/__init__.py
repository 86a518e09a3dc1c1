"""The search: settings, one generation as one program, the loop around it."""
