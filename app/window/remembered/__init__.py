"""What is remembered of the window and its traces: between two starts, and in session files."""
