"""Jobs in the background: the thread that runs them, and what becomes of their results."""
