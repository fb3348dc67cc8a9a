"""Makes moescope known to a Linux desktop, for one user: entry, icon, kind of file, and what software centres show.

https://specifications.freedesktop.org/desktop-entry-spec, shared-mime-info-spec, and AppStream.
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from moe_core.errors import MoeCoreError

SOURCE = Path(__file__).parents[2] / "resources" / "desktop"
ICON = SOURCE / "moescope.svg"
_PLACES = {
    "moescope.desktop": "applications",
    "moescope.svg": "icons/hicolor/scalable/apps",
    "moescope-trace.xml": "mime/packages",
    "io.github.moescope.metainfo.xml": "metainfo",
}
_UPDATES = (("update-mime-database", "mime"), ("update-desktop-database", "applications"))
_TIMEOUT_S = 30


def data_home() -> Path:
    """Where a user's desktop looks for such files."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def install_desktop_entry(home: Path) -> list[Path]:
    """The files written below `home`, those of before replaced; raises MoeCoreError where that cannot be."""
    _refuse_other_systems()
    written = []
    for name, folder in _PLACES.items():
        text = (SOURCE / name).read_text("utf-8")
        if name.endswith(".desktop"):
            text = text.replace("Exec=moescope", f"Exec={_quoted(_program())}")
        target = home / folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
        except OSError as error:
            raise MoeCoreError(f"{target} cannot be written: {error.strerror or error}.") from error
        written.append(target)
    _update(home)
    return written


def remove_desktop_entry(home: Path) -> list[Path]:
    """The files that were there, and are no more."""
    _refuse_other_systems()
    there = [path for name, folder in _PLACES.items() if (path := home / folder / name).exists()]
    for path in there:
        path.unlink()
    _update(home)
    return there


def _refuse_other_systems() -> None:
    if not sys.platform.startswith("linux"):
        raise MoeCoreError(f"Desktop entries are a matter of Linux; on {sys.platform} there is nothing to install.")


def _program() -> str:
    """The moescope that runs now: its own file, else this Python with the package."""
    beside = Path(sys.executable).parent / "moescope"
    if beside.exists():
        return str(beside)
    return shutil.which("moescope") or "moescope"


def _quoted(program: str) -> str:
    """As the Exec key wants an argument with blanks in it."""
    escaped = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in program).replace("%", "%%")
    return f'"{escaped}"' if escaped != program or " " in program else program


def _update(home: Path) -> None:
    """Have the desktop read them now; one without these programs finds them at the next login."""
    for program, folder in _UPDATES:
        if (home / folder).is_dir() and shutil.which(program):
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run([program, home / folder], capture_output=True, timeout=_TIMEOUT_S, check=False)
