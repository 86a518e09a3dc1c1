"""Evaluating whole populations: the definition, and what runs it fast."""
