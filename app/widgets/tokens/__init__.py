"""A prompt as running text, token by token."""
