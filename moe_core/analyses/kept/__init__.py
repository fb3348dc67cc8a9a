"""Results that are kept as files beside traces: what made each, its file, and which lie beside a trace."""
