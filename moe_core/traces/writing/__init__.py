"""How a trace comes to be: the whole file at once, then rows, batch by batch."""
