"""The weights of single experts, read from the files matrix by matrix: without torch, never a whole model."""
