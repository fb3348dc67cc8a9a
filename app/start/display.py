"""Whether there is a display to open a window on; Qt itself would end the program without a word of help."""

import os
import socket
import sys
from pathlib import Path

_OTHERWISE = "Commands such as moescope report work without one, and --screenshot FILE draws the window into a picture."
_TIMEOUT_S = 5.0


def prepare_display(*, needs_to_be_seen: bool) -> str:
    """Why Qt cannot start, in a sentence, empty where it can. A window that nobody needs to see is drawn in memory."""
    if sys.platform != "linux":
        return ""
    if not needs_to_be_seen:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        return ""
    platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0].partition(";")[0]
    if platform and not platform.startswith(("xcb", "wayland")):
        return ""  # drawn in memory, or onto the screen itself
    named = {"DISPLAY": _x_answers, "WAYLAND_DISPLAY": _wayland_answers}
    if platform:
        named = {name: answers for name, answers in named.items() if name.startswith("W") == platform.startswith("w")}
    there = {name: value for name in named if (value := os.environ.get(name))}
    if not there:
        names = " nor ".join(named)
        return f"moescope: there is no display ({'neither ' * (len(named) > 1)}{names} is set). {_OTHERWISE}"
    answering = [name for name, value in there.items() if named[name](value)]
    if not answering:
        dead = ", ".join(f"{name}={value}" for name, value in there.items())
        return f"moescope: the display does not answer ({dead}). {_OTHERWISE}"
    if not platform and len(answering) < len(there):  # Qt would try the dead one first
        os.environ["QT_QPA_PLATFORM"] = "wayland" if answering == ["WAYLAND_DISPLAY"] else "xcb"
    return ""


def _x_answers(display: str) -> bool:
    """Whether somebody listens at an X display, such as :0, unix:0 or host:10.0."""
    host, colon, number = display.rpartition(":")
    number = number.partition(".")[0]
    if not colon or not number.isdigit():
        return False
    if host.rpartition("/")[2] in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        return _listens(path) or _listens(f"\0{path}")
    try:
        with socket.create_connection((host.strip("[]"), 6000 + int(number)), timeout=_TIMEOUT_S):
            return True
    except OSError:
        return False


def _wayland_answers(display: str) -> bool:
    """Whether a compositor listens at a socket, named by itself or below XDG_RUNTIME_DIR."""
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    return _listens(display if display.startswith("/") else str(Path(folder, display)))


def _listens(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_TIMEOUT_S)
        try:
            client.connect(address)
        except (OSError, ValueError):
            return False
    return True
