"""Runs the model for the effect map: clean passes with gradients, then experts closed, on a few tokens or all."""
