"""The Console view: Python beside the window, with the trace and the selection at hand."""
