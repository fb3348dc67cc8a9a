"""Puts a tokenised quiz to a loaded model and yields what every router did. The only room that runs a model."""
