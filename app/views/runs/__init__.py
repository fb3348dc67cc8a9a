"""The Runs view: pinned traces side by side, as a table, as grids of one range, and as curves over each other."""
