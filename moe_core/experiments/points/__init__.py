"""The points of an experiment: what a file holds of them, what is asked for the rest, what is made of the answers."""
