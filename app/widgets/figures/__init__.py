"""A plot with everything that comes with it: caption, copy, export, and a table twin."""
