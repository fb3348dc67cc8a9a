"""Finds out whether a folder lies on another machine, where locks and barriers promise less than a trace relies on."""

import ntpath
import re
import subprocess
import sys
from pathlib import Path

from moe_core.errors import Remedy, TraceError

# Not among them: 9p and virtiofs, by which virtual machines and WSL see disks of the same computer.
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|afpfs|webdav|davfs2?|afs|coda|ncpfs|lustre|gpfs|beegfs\w*|ceph\w*|glusterfs|orangefs|pvfs2"
    r"|fuse\.(sshfs|rclone|s3fs|gcsfuse|goofys|davfs\d?|ceph\w*|glusterfs|curlftpfs|juicefs|hadoop\w*|smb\w*)"
)
_MAC_MOUNT = re.compile(r".* on (?P<place>/.*) \((?P<kind>\w+)[,)].*")
_WINDOWS_REMOTE = 4


def network_warning(folder: Path, *, allowed: bool) -> str:
    """A warning where a trace is to be written on a network file system; empty for a local one.

    Raises TraceError where that is not allowed.
    """
    kind = network_file_system(folder)
    if not kind:
        return ""
    lost = "two programs may write one trace at once, and a power cut may take what was said to be recorded"
    if not allowed:
        raise TraceError(f"{folder} is on a network file system ({kind}): {lost}.", Remedy.LEAVE_NETWORK_FOLDER)
    return f"Recording on a network file system ({kind}): {lost}"


def network_file_system(folder: Path) -> str:
    """The kind of network file system that a folder is on; empty for a local one, and where that cannot be told."""
    if sys.platform == "win32":
        import ctypes

        drive = windows_drive(str(folder.absolute()))
        is_remote = drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(f"{drive}\\") == _WINDOWS_REMOTE
        return "network drive" if is_remote else ""
    return kind_of(folder.resolve(), _mac_mounts() if sys.platform == "darwin" else _linux_mounts())


def windows_drive(path: str) -> str:
    """`C:`, or `\\\\server\\share`, of a whole path of Windows, also of one that is written as a long path may be."""
    if path.startswith("\\\\?\\UNC\\"):
        path = "\\\\" + path[8:]
    elif path.startswith("\\\\?\\"):
        path = path[4:]
    return ntpath.splitdrive(path)[0]


def kind_of(folder: Path, mounts: list[tuple[str, str]]) -> str:
    """The kind of the mount (place, kind) that holds the folder, if it is a network file system's; later ones win."""
    found = [(len(place), number, kind) for number, (place, kind) in enumerate(mounts) if folder.is_relative_to(place)]
    kind = max(found)[2] if found else ""
    return kind if _NETWORK.fullmatch(kind) else ""


def _linux_mounts() -> list[tuple[str, str]]:
    try:
        return parse_mountinfo(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return []


def parse_mountinfo(text: str) -> list[tuple[str, str]]:
    """Place and kind of each mount in /proc/self/mountinfo (proc_pid_mountinfo(5)); places have octal escapes."""
    mounts = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) >= 5 and after:
            place = re.sub(r"\\([0-7]{3})", lambda escape: chr(int(escape[1], 8)), fields[4])
            mounts.append((place, after.split(" ")[0]))
    return mounts


def _mac_mounts() -> list[tuple[str, str]]:
    try:
        said = subprocess.run(["/sbin/mount"], capture_output=True, check=True, timeout=5).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_mac_mounts(said.decode("utf-8", "surrogateescape"))  # names of folders, in whatever locale


def parse_mac_mounts(text: str) -> list[tuple[str, str]]:
    """Place and kind of each line that macOS's `mount` prints."""
    return [(found["place"], found["kind"]) for line in text.splitlines() if (found := _MAC_MOUNT.fullmatch(line))]
