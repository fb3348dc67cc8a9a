"""A network file system is recognised by its mount, and recorded on only when that is allowed."""

from pathlib import Path

import pytest

from moe_core.errors import Remedy, TraceError
from moe_core.system import network_folder
from moe_core.system.network_folder import (
    kind_of,
    network_file_system,
    network_warning,
    parse_mac_mounts,
    parse_mountinfo,
    windows_drive,
)

MOUNTINFO = r"""
22 27 0:21 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
31 22 0:40 / /home rw,relatime shared:7 - nfs4 server:/home rw,vers=4.2
32 31 0:41 / /home/me/local\040disk rw - xfs /dev/vdb rw
33 22 0:42 / /mnt/ssh rw,nosuid - fuse.sshfs me@host:/ rw
34 22 0:43 / /mnt/c rw - 9p C: rw
35 22 0:44 / /scratch rw - lustre 10.0.0.1@tcp:/scratch rw,flock
36 22 0:45 / /mnt/once rw - cifs //server/share rw
37 22 0:46 / /mnt/once rw - tmpfs none rw
""".strip()


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/tmp", ""),
        ("/home/me/traces", "nfs4"),
        ("/home", "nfs4"),
        ("/homeless", ""),
        ("/home/me/local disk/traces", ""),
        ("/mnt/ssh/x", "fuse.sshfs"),
        ("/mnt/c/Users", ""),
        ("/scratch/me", "lustre"),
        ("/mnt/once", ""),
    ],
)
def test_the_deepest_mount_counts(folder: str, kind: str) -> None:
    """And of two at the same place the later one."""
    assert kind_of(Path(folder), parse_mountinfo(MOUNTINFO)) == kind


def test_a_mac_s_mounts() -> None:
    """As `mount` prints them."""
    said = "/dev/disk3s1 on / (apfs, sealed, local)\n//me@server/data on /Volumes/my data (smbfs, nodev, nosuid)\n"
    assert kind_of(Path("/Volumes/my data/traces"), parse_mac_mounts(said)) == "smbfs"
    assert kind_of(Path("/Users/me"), parse_mac_mounts(said)) == ""


@pytest.mark.parametrize(
    ("path", "drive"),
    [
        (r"C:\Users\me", "C:"),
        (r"\\?\D:\a\very\long\path", "D:"),
        (r"\\server\share\traces", r"\\server\share"),
        (r"\\?\UNC\server\share\traces", r"\\server\share"),
    ],
)
def test_a_long_path_of_windows_is_on_the_drive_that_it_names(path: str, drive: str) -> None:
    """It begins like one of the network, and is none."""
    assert windows_drive(path) == drive


def test_this_folder_is_local(tmp_path: Path) -> None:
    """Tests run on a local disk."""
    assert network_file_system(tmp_path) == ""
    assert network_warning(tmp_path, allowed=False) == ""


def test_what_is_lost_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the refusal, which has a remedy, and in the warning of who writes there all the same."""
    monkeypatch.setattr(network_folder, "network_file_system", lambda _: "nfs4")
    with pytest.raises(TraceError, match=r"\(nfs4\): two programs ") as refused:
        network_warning(tmp_path, allowed=False)
    assert refused.value.remedies == (Remedy.LEAVE_NETWORK_FOLDER,)
    warning = network_warning(tmp_path, allowed=True)
    assert "a power cut may take what was said to be recorded" in warning
    assert warning.partition(": ")[2] in str(refused.value)
