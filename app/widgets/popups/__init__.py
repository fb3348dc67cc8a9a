"""Buttons that open a small panel to choose something in."""
