"""What networks are for: control, classification, any function; and the registry of names."""
