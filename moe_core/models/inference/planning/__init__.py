"""Which prompts share a forward pass, and what passes cost."""
