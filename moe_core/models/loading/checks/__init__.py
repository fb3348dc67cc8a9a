"""What is tried on a model once it is loaded, and what may then be done with it."""
