"""The Expert view: where one expert is used, how well, for which tokens, and beside whom."""
