"""The view of what waits, what runs and what came of it."""
