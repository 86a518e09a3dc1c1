"""How far our physics is from Box2D's: recordings of the real environments, and ours set to the same states."""
