"""The window itself: docks, toolbar, status line, tour, and what is remembered of it."""
