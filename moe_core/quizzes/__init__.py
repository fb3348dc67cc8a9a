"""Questions, where they come from, which are asked, and how they become prompts and tokens."""
