"""Figures as files: how they are asked for, written, and remembered."""
