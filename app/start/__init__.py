"""Starts the window: options, display, signals, and what is done about errors that nobody caught."""
