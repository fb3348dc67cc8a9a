"""The model that jobs run: loaded once and kept, found again for a trace, given prompts of a trace."""
