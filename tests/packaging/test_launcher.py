"""The installed program starts beside other packages named like its own."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRACE = ROOT / "tests" / "data" / "demo-format-2.h5"


def test_another_package_named_app_is_passed_by(tmp_path: Path) -> None:
    """On PYTHONPATH, as any web project has it, and in the folder that one is in."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    program = (
        f"import runpy, sys; sys.path.append({str(ROOT)!r}); sys.argv = ['moescope', 'verify', {str(TRACE)!r}]; "
        f"runpy.run_path({str(ROOT / 'packaging' / 'launcher.py')!r}, run_name='__main__')"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "sound and complete" in done.stdout


def test_the_command_is_the_launcher() -> None:
    """Under the program's own name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"moescope": "moescope:main"}
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"] == {
        "packaging/launcher.py": "moescope.py"
    }


def test_installed_packages_are_found_beside_the_launcher(tmp_path: Path) -> None:
    """Whatever else is named like both of them on PYTHONPATH."""
    site, others = tmp_path / "site", tmp_path / "others"
    site.mkdir()
    (site / "moescope.py").write_bytes((ROOT / "packaging" / "launcher.py").read_bytes())
    for name in ("app", "moe_core"):
        (site / name).symlink_to(ROOT / name)
        (others / name).mkdir(parents=True)
        (others / name / "__init__.py").write_text("raise SystemExit('the wrong one')")
    program = f"import runpy, sys; sys.argv = ['moescope', 'verify', {str(TRACE)!r}]; "
    command = [sys.executable, "-c", f"{program}runpy.run_path({str(site / 'moescope.py')!r}, run_name='__main__')"]
    environment = {**os.environ, "PYTHONPATH": str(others)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "sound and complete" in done.stdout
