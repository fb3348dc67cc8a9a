"""The dialog that asks what to record, and where to."""
