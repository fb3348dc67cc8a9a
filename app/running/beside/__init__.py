"""Looks at what lies beside traces on the disk, in threads of its own, and tells the session."""
