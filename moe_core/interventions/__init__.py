"""Which experts are re-routed, dropped or boosted in a run, and their files."""
