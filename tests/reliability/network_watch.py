"""Runs a module with a hook that notes every attempt to reach a network: `network_watch NOTES MODULE [ARGUMENT ..]`."""

import os
import runpy
import socket
import sys

_EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind")
_LOCAL = {getattr(socket, "AF_UNIX", None)}  # a pipe to oneself is no network


def watch(notes: str) -> None:
    """From now on every socket of a network family, and every look-up of a name, is a line in the file `notes`."""
    fd = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.__new__" and arguments[1] not in _LOCAL:
            os.write(fd, f"{event} {arguments[1]!r}\n".encode())
        elif event in _EVENTS and getattr(arguments[0], "family", None) not in _LOCAL:
            os.write(fd, f"{event} {arguments[1:]!r}\n".encode("utf-8", "backslashreplace"))

    sys.addaudithook(hook)


if __name__ == "__main__":
    watch(sys.argv[1])
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
