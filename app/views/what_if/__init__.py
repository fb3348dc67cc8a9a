"""The What if view: the mask, how it is run, and what that changed."""
