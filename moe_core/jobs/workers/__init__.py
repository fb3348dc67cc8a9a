"""A model that workers of a Ray cluster hold: batches are tasks, their records come back, and one process writes."""
