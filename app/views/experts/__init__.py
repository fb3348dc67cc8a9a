"""The Experts view: one metric for every expert of every layer."""
