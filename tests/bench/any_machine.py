"""Runs the window's tests as on other machines: `python -m tests.bench.any_machine FONTS [ARGUMENTS FOR PYTEST]`.

FONTS holds a folder of fonts for each machine, as `dpkg -x fonts-liberation_*.deb FONTS/liberation` makes them; a
machine without any font comes besides. Each is tried in two locales, in time zones that are no whole hours from UTC,
on screens of three scales, with a home that nobody can write to. The exit code is 1 where a test failed.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path

from tests.conftest import AS_FOUND

ROOT = Path(__file__).resolve().parents[2]
LOCALES = ("C", "de_DE.UTF-8")
ZONES = ("Asia/Kathmandu", "America/St_Johns")
SCALES = ("1", "2", "1.5")
USUAL = ("tests/app", "-n", "2", "--dist", "loadfile")

FONTCONFIG = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<include ignore_missing="yes">/etc/fonts/conf.d</include>
<dir>{fonts}</dir>
<cachedir>{folder}/cache</cachedir>
</fontconfig>
"""
SCREEN = {
    "name": "large",
    "x": 0,
    "y": 0,
    "width": 3200,
    "height": 2000,
    "logicalDpi": 96,
    "logicalBaseDpi": 96,
    "dpr": 1,
}
"""Qt's own for tests has 800 x 800 pixels: at scale 2 the mouse cannot get to most of a widget."""


@dataclass(frozen=True)
class Machine:
    """What a person may have set up. `fonts` is the folder of all fonts there are."""

    fonts: Path
    locale: str
    zone: str
    scale: str

    def __str__(self) -> str:
        return f"{self.fonts.name}, {self.locale}, {self.zone}, scale {self.scale}"

    def environment(self, folder: Path) -> dict[str, str]:
        """The environment of such a machine; its files are made in `folder`."""
        (folder / "fonts.conf").write_text(FONTCONFIG.format(fonts=self.fonts, folder=folder), encoding="utf-8")
        (folder / "screen.json").write_text(json.dumps({"screens": [SCREEN]}), encoding="utf-8")
        (folder / "home").touch()  # a file, so that nothing can be made in there, not even by root
        return os.environ | {
            AS_FOUND: "1",
            "FONTCONFIG_FILE": str(folder / "fonts.conf"),
            "LC_ALL": self.locale,
            "TZ": self.zone,
            "QT_QPA_PLATFORM": f"offscreen:configfile={folder / 'screen.json'}",
            "QT_SCALE_FACTOR": self.scale,
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }


def machines(fonts: Path, no_fonts: Path) -> Iterator[Machine]:
    """Every set of fonts in every locale."""
    folders = [no_fonts, *sorted(path for path in fonts.iterdir() if path.is_dir())]
    for (folder, locale), zone, scale in zip(product(folders, LOCALES), cycle(ZONES), cycle(SCALES), strict=False):
        yield Machine(folder.resolve(), locale, zone, scale)


def passes(machine: Machine, arguments: list[str]) -> bool:
    """Whether all tests pass there; prints those that do not."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", *arguments]
        environment = machine.environment(Path(folder))
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    lines = done.stdout.splitlines()
    failures = [line for line in lines if line.startswith(("FAILED", "ERROR "))]
    print(f"{machine}: {lines[-1] if lines else 'no test ran'}", *failures, sep="\n  ", flush=True)
    return done.returncode == 0


def main(fonts: Path, arguments: list[str]) -> int:
    """Try all machines, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        no_fonts = Path(folder) / "no fonts"
        no_fonts.mkdir()
        return int(not all([passes(machine, arguments) for machine in machines(fonts, no_fonts)]))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:] or list(USUAL)))
