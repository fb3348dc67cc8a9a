"""Widgets: arrays in, clicks out; they know nothing of models and traces."""
