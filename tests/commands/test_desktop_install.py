"""`moescope desktop-install`: files where a desktop looks for them, that say what is true, and are taken away again."""

import configparser
import json
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

import moe_core
from moe_core.commands.desktop_install import desktop_install
from moe_core.errors import MoeCoreError
from moe_core.system.desktop_entry import SOURCE, install_desktop_entry

TRACE = Path(__file__).parents[1] / "data" / "demo-format-2.h5"
MIME = "{http://www.freedesktop.org/standards/shared-mime-info}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's desktop looks."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def test_it_installs_and_removes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twice does no harm, and nothing is left."""
    for _ in range(2):
        desktop_install(as_json=True)
        written = [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]
        assert len(written) == 4
        assert all(file.is_file() and file.is_relative_to(home) for file in written)
    desktop_install(remove=True)
    assert capsys.readouterr().out.count("Removed: ") == 4
    assert not [file for file in written if file.exists()]
    desktop_install(remove=True)
    assert capsys.readouterr().out == "There was nothing to remove.\n"


def test_the_entry_starts_this_program_with_a_trace(home: Path) -> None:
    """Its icon and its kind of file are those installed beside."""
    entry, icon, *_ = install_desktop_entry(home)
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment]  # keys have capitals
    parser.read(entry, "utf-8")
    section = parser["Desktop Entry"]
    program, file = shlex.split(section["Exec"])
    assert (Path(program).name, file) == ("moescope", "%f")
    assert section["Icon"] == icon.stem
    kind = ElementTree.parse(SOURCE / "moescope-trace.xml").find(f"{MIME}mime-type")
    assert kind is not None
    assert section["MimeType"] == f"{kind.get('type')};"


def test_a_trace_is_told_from_other_files_of_its_ending() -> None:
    """By what it begins with, as the kind of file says."""
    matches = ElementTree.parse(SOURCE / "moescope-trace.xml").iter(f"{MIME}match")
    data = TRACE.read_bytes()
    for match in matches:
        value = str(match.get("value")).encode().decode("unicode_escape").encode("latin-1")
        first, _, last = str(match.get("offset")).partition(":")
        at = data.find(value)
        assert int(first) <= at <= int(last or first)


def test_software_centres_are_told_the_version() -> None:
    """The newest release is this one."""
    page = ElementTree.parse(SOURCE / "io.github.moescope.metainfo.xml")
    release = page.find("releases/release")
    assert release is not None
    assert release.get("version") == moe_core.__version__
    assert page.findtext("launchable") == "moescope.desktop"


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """With the file's name."""
    (tmp_path / "applications").write_text("a file")
    with pytest.raises(MoeCoreError, match=r"moescope\.desktop cannot be written"):
        install_desktop_entry(tmp_path)
