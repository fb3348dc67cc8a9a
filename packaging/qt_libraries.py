"""The system libraries and the font that Qt needs on Linux: found missing by trying, installed or advised."""

from __future__ import annotations

import shutil
import sys

import steps

QT_PACKAGES = [
    "libegl1",
    "libgl1",
    "libopengl0",
    "libxkbcommon0",
    "libdbus-1-3",
    "libfontconfig1",
    "libglib2.0-0",
    "fonts-dejavu-core",
    # what Qt's xcb plugin needs besides, to open a real window
    "libx11-xcb1",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-randr0",
    "libxcb-render-util0",
    "libxcb-shape0",
    "libxcb-sync1",
    "libxcb-xfixes0",
    "libxcb-xinerama0",
    "libxcb-xkb1",
    "libxkbcommon-x11-0",
]

DISPLAY_PACKAGES = ["xvfb", "herbstluftwm"]
DISPLAY_PROGRAMS = ["Xvfb", "herbstluftwm", "herbstclient"]

LACKS = {"libraries": "system libraries", "fonts": "a font", "xcb": "the libraries for real windows"}

# Run by the Python of .venv; the name on its last line is the first thing that Qt lacks.
QT_PROBE = """
import ctypes, pathlib, sys
try:
    import PySide6
    from PySide6 import QtGui, QtWidgets
except ImportError as error:
    sys.exit(f"{error}\\nlibraries")
gui = QtGui.QGuiApplication(["probe", "-platform", "offscreen"])
if not QtGui.QFontMetrics(QtGui.QFont()).inFont("a"):  # Qt names three families even where there is no font at all
    sys.exit("fonts")
try:
    ctypes.CDLL(str(pathlib.Path(PySide6.__file__).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"))
except OSError as error:
    sys.exit(f"{error}\\nxcb")
"""


def prepare_qt() -> None:
    """See that Qt finds its system libraries and a font: install them as root on Debian, else say how.

    What is missing still is fatal only where Qt cannot even be imported: the rest is drawn offscreen.
    """
    missing = qt_lacks()
    if not missing:
        return
    try:
        install_libraries(missing)
    except steps.SetupError as error:
        if missing == "libraries":
            raise
        print(f"bootstrap: {error}", file=sys.stderr, flush=True)


def install_libraries(missing: str) -> None:
    """Install Debian's packages for Qt; raises SetupError with the one command where that is not for us to do."""
    if steps.can_apt():
        steps.say("installing Qt's system libraries ...")
        steps.apt_install(QT_PACKAGES, "Qt's system libraries")
        missing = qt_lacks()
    if missing:
        command = f"sudo apt-get install -y {' '.join(QT_PACKAGES)}"
        raise steps.SetupError(f"Qt lacks {LACKS[missing]}; on Debian `{command}` adds it.")


def prepare_display() -> None:
    """See that the tests can bring a display of their own; without one they skip what needs a window manager."""
    if all(map(shutil.which, DISPLAY_PROGRAMS)):
        return
    try:
        if not steps.can_apt():
            command = f"sudo apt-get install -y {' '.join(DISPLAY_PACKAGES)}"
            raise steps.SetupError(f"tests under a window manager are skipped; on Debian `{command}` brings them.")
        steps.say("installing a virtual display for the tests ...")
        steps.apt_install(DISPLAY_PACKAGES, "a virtual display")
    except steps.SetupError as error:
        print(f"bootstrap: {error}", file=sys.stderr, flush=True)


def qt_lacks() -> str:
    """What Qt lacks here, by really trying: "libraries", "fonts", "xcb" (real windows only), or nothing."""
    before = steps.LOG.stat().st_size if steps.LOG.exists() else 0
    if steps.logged([steps.venv_program("python"), "-c", QT_PROBE]) == 0:
        return ""
    last = steps.logged_since(before).strip().splitlines()[-1]
    return last if last in LACKS else "libraries"
