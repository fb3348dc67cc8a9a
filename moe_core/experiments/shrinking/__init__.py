"""One smaller model after the other: which experts go next, and the file that keeps the way so far."""
