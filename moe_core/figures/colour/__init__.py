"""How values become colours, and which colours mean something."""
