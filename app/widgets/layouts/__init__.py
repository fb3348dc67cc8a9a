"""How parts share the room that there is."""
