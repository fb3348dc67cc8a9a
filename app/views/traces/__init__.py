"""The Traces view: the recordings of one folder."""
