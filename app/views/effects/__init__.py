"""The Effects view: the experts by what masking each one does, and those that the question's answer hangs on."""
