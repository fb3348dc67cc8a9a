"""Files beside the trace that show whether they are whole, and what experiments measure before they ask."""
