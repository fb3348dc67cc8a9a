"""One step of setting up: a command whose output goes to the log, and whose failure becomes one sentence."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOG = VENV / "bootstrap.log"

OFFLINE = re.compile(
    r"from versions: none|NewConnectionError|ConnectTimeout|Connection (?:refused|reset|aborted|broken)"
    r"|Max retries exceeded|[Nn]ame resolution|ReadTimeout|ProxyError|SSLError"
    # pip, when a pinned package cannot be found at all: it "conflicts" with its own pin
    r"|requested (\S+)\n\s+The user requested \(constraint\) \1\n\n"
    r"|Failed to fetch|Could not (?:resolve|connect)|Unable to locate package|no installation candidate"  # apt
)
MISSING = re.compile(r"(?:No matching distribution found for|satisfies the requirement) (\S+)")


class SetupError(Exception):
    """Something the person at the keyboard can mend; its text is one sentence."""


def say(line: str) -> None:
    """Print at once, so that lines and the output of the steps stay in order."""
    print(line, flush=True)


def environment(**more: str) -> dict[str, str]:
    """The user's environment, and more; only the packages of .venv count, and what is compiled of them is kept."""
    # pip compiles nothing here: without bytecode written, every process would compile torch anew, 5 s each
    left = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in left} | more


def logged(command: Sequence[str | Path], **variables: str) -> int:
    """Run a command with its output at the end of the log; the result is its exit code."""
    VENV.mkdir(exist_ok=True)
    env = {"PIP_DEFAULT_TIMEOUT": "60", "PIP_RETRIES": "2", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    env |= environment(LC_ALL="C", **variables)  # in English, as `explain` reads it
    words = [str(word) for word in command]
    with LOG.open("ab") as log:
        log.write(f"$ {' '.join(words).strip().splitlines()[0]}\n".encode())
        log.flush()
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        except OSError as error:
            log.write(f"{error}\n".encode())
            return 127
    return done.returncode


def logged_since(offset: int) -> str:
    """What the log gained since it was `offset` bytes long."""
    return LOG.read_bytes()[offset:].decode(errors="replace")


def explain(output: str, subject: str, source: str) -> str:
    """One sentence on why fetching `subject` failed, read off the installer's output."""
    if "No space left on device" in output:
        return f"no space left on the disk while installing {subject}; details are in {LOG}."
    if OFFLINE.search(output):
        missing = MISSING.search(output)
        name = missing.group(1).rstrip(";") if missing else subject
        return f"could not fetch {name}; a network connection to {source} is needed once (details are in {LOG})."
    return f"could not install {subject}; details are in {LOG}."


def can_apt() -> bool:
    """Whether this is a Debian-like system and we are root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: Sequence[str], subject: str) -> None:
    """Install Debian packages after refreshing the lists; a failure becomes one sentence."""
    before = LOG.stat().st_size if LOG.exists() else 0
    logged(["apt-get", "update"])  # an old list may still do, so only the install decides
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if logged(command, DEBIAN_FRONTEND="noninteractive") != 0:
        raise SetupError(explain(logged_since(before), subject, "Debian's package archive"))


def venv_program(name: str, system: str = os.name) -> Path:
    """Where a program of .venv lies: `bin/NAME`, on Windows `Scripts/NAME.exe`."""
    return VENV / "Scripts" / f"{name}.exe" if system == "nt" else VENV / "bin" / name
