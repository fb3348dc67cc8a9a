"""Results as files: whole or not at all, over no trace, and through links and devices instead of over them."""

import os
import stat
from pathlib import Path

import pytest

from moe_core.errors import MoeCoreError
from moe_core.traces.result_file import write_result
from tests.command_line import refused

TRACE = Path(__file__).parents[1] / "data" / "demo-format-1.h5"


def test_a_file_is_replaced_and_nothing_left_beside_it(tmp_path: Path) -> None:
    """In UTF-8, with question marks for what no file can hold."""
    path = tmp_path / "report.html"
    path.write_text("older and longer", encoding="utf-8")
    write_result(path, "é\ud800")
    assert path.read_bytes() == "é?".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_no_trace_is_overwritten(tmp_path: Path) -> None:
    """Neither by name nor through a link, by any command; not only the one that is read."""
    other = tmp_path / "night.h5"
    other.write_bytes(TRACE.read_bytes())
    (tmp_path / "link.html").symlink_to(other)
    for path in (other, tmp_path / "link.html"):
        with pytest.raises(MoeCoreError, match="is a trace and is never overwritten"):
            write_result(path, "a page")
        assert "never overwritten" in refused("report", TRACE, "--html", path)
        assert "never overwritten" in refused("experiment", "never-used", TRACE, "--csv", path)
        assert "never overwritten" in refused("export-pruned", TRACE, "--mask", "0:1", "--keep-list", path)
    assert other.read_bytes() == TRACE.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="has no such files")
def test_links_and_devices_are_written_into(tmp_path: Path) -> None:
    """As /dev/stdout is; it must be there afterwards."""
    link, pipe = tmp_path / "link.html", tmp_path / "pipe"
    link.symlink_to("elsewhere.html")
    write_result(link, "a page")
    assert link.is_symlink()
    assert (tmp_path / "elsewhere.html").read_text(encoding="utf-8") == "a page"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_result(pipe, "a page")
    assert os.read(reader, 99) == b"a page"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
