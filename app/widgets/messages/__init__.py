"""Sentences that are shown for a while: what happened, what would fill a page, how far something is."""
