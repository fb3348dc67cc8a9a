"""What a person types or chooses in."""
