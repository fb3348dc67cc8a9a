"""The Question view: one prompt token by token, its choices, and the experts behind one token."""
