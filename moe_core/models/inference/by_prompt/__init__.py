"""What else is asked of a model, prompt by prompt."""
