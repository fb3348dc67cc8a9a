"""moescope's desktop application."""
