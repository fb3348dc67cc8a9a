"""Tries what users install: builds the wheel, puts it into a bare environment, and runs it outside the checkout.

    python packaging/check_wheel.py [--model] [--frozen]

Without torch: version, report, export to CSV, the window as a picture. `--model`: with it, the demo, too. `--frozen`:
also the viewer as one folder that needs no Python (PyInstaller). It takes minutes and the network, and says sizes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
TRACE = ROOT / "tests" / "data" / "demo-format-2.h5"
FROZEN_NAME = "moescope-viewer"
# What the viewer never needs; each would bring hundreds of megabytes where it is installed beside.
_LEFT_OUT = ("torch", "transformers", "datasets", "pandas", "pyarrow", "matplotlib", "tkinter")


def main() -> None:
    """Exit code 1 with the command that failed; the folder with everything in it stays for a look."""
    folder = Path(tempfile.mkdtemp(prefix="moescope-wheel-"))
    print(f"in {folder}", flush=True)
    run([sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, ROOT], folder)
    (wheel,) = folder.glob("moescope-*.whl")
    print(f"{wheel.name}: {megabytes(wheel)}", flush=True)
    venv.create(folder / "bare", with_pip=True)
    programs = folder / "bare" / ("Scripts" if sys.platform == "win32" else "bin")
    extra = "[model]" if "--model" in sys.argv else ""
    run([programs / "python", "-m", "pip", "install", "-c", CONSTRAINTS, f"{wheel}{extra}"], folder)
    print(f"installed: {megabytes(folder / 'bare')}", flush=True)
    try_out([programs / "moescope"], folder, has_model=bool(extra))
    if "--frozen" in sys.argv:
        run([programs / "python", "-m", "pip", "install", "pyinstaller"], folder)
        run([programs / "pyinstaller", *freezing_options(programs)], folder)
        frozen = folder / "dist" / FROZEN_NAME
        print(f"frozen: {megabytes(frozen)}", flush=True)
        try_out([frozen / FROZEN_NAME], folder, has_model=False)
    print("all of it works", flush=True)


def freezing_options(programs: Path) -> list[str | Path]:
    """What PyInstaller is told: the installed packages, data files and all, as one folder."""
    (site,) = {path.parent for path in (programs.parent).rglob("moe_core/__init__.pyi")}
    options: list[str | Path] = ["--noconfirm", "--name", FROZEN_NAME, "--paths", site.parent]
    options += [
        "--add-data",
        f"{site.parent / 'resources'}:resources",
        "--add-data",
        f"{site / '__init__.pyi'}:moe_core",
    ]
    options += ["--collect-submodules", "moe_core", "--collect-submodules", "app"]
    for name in _LEFT_OUT:
        options += ["--exclude-module", name]
    return [*options, site.parent / "moescope.py"]


def try_out(moescope: list[Path], folder: Path, *, has_model: bool) -> None:
    """Every kind of thing that it does."""
    picture = folder / "window.png"
    picture.unlink(missing_ok=True)
    run([*moescope, "--version"], folder)
    run([*moescope, "report", TRACE], folder)
    run([*moescope, "export", TRACE, "--csv", folder / "tables"], folder)
    run([*moescope, "--fresh", "--screenshot", picture, TRACE], folder)
    print(f"the window: {picture}, {megabytes(picture)}", flush=True)
    if has_model:
        run(
            [*moescope, "record", "--model", "demo", "--quiz", "demo", "--limit", "20", "--out", folder / "new.h5"],
            folder,
        )


def run(command: list[str | Path], folder: Path) -> None:
    """Run it in the folder, which is no checkout; its output is shown only where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        print(f"{' '.join(words)}\nended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        sys.exit(1)
    print(f"ok: {' '.join(words)[:100]}", flush=True)


def megabytes(path: Path) -> str:
    """The size of a file, or of all files of a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return f"{sum(file.stat().st_size for file in files) / 1e6:.1f} MB"


if __name__ == "__main__":
    main()
