"""Whether what a file says can be believed: its structure, its static parts, each row."""
