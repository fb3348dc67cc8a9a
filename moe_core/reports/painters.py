"""Who draws figures in formats other than SVG; a file that imports nothing, so that a command starts as fast."""

from collections.abc import Callable

Painter = Callable[[str, str], bytes]
"""Makes a file of an SVG drawing; the second text is the title that the file carries."""

PAINTERS: dict[str, Painter] = {}
"""By suffix. The window's program offers PDF and PNG, since Qt can draw them; without it there are none."""
