"""Whether there is a display to open a window on; Qt itself would end the program without a word of help."""

import os
import sys

NO_DISPLAY = (
    "moescope: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set). Commands such as moescope report work "
    "without one, and --screenshot FILE draws the window into a picture."
)


def prepare_display(*, needs_to_be_seen: bool) -> bool:
    """Whether Qt can start: where there is no display, a window that nobody needs to see is drawn in memory."""
    is_named = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform != "linux" or is_named:
        return True
    if not needs_to_be_seen:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return not needs_to_be_seen
