"""A hub on this computer: serves one folder as the model org/name, as huggingface_hub asks for it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """The few addresses that a download needs."""

    folder: Path
    fetched: list[str]

    def _answer(self, content: bytes, *, status: int = 200, etag: str = "", with_body: bool = True) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{etag}"')
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def _serve(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        if path == "/api/models/org/name/revision/main":
            self._answer(json.dumps({"id": "org/name", "sha": COMMIT, "siblings": []}).encode())
            return
        if path == f"/api/models/org/name/tree/{COMMIT}":
            files = sorted(self.folder.rglob("*.*"))
            self._answer(json.dumps([_entry(self.folder, file) for file in files]).encode())
            return
        file = self.folder / path.removeprefix(f"/org/name/resolve/{COMMIT}/")
        if path.startswith("/org/name/resolve/") and file.is_file():
            content = file.read_bytes()
            self.fetched.extend([file.name] if with_body else [])
            self._answer(content, etag=hashlib.sha256(content).hexdigest(), with_body=with_body)
            return
        self._answer(b"{}", status=404, with_body=with_body)

    def do_GET(self) -> None:  # http.server's name
        """Serve a file or a listing."""
        self._serve(with_body=True)

    def do_HEAD(self) -> None:  # http.server's name
        """Serve its headers."""
        self._serve(with_body=False)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The hub's address, and the list of files fetched from it so far."""
    fetched: list[str] = []
    hub = type("Hub", (_Hub,), {"folder": folder, "fetched": fetched})
    server = ThreadingHTTPServer(("127.0.0.1", 0), hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", fetched
    finally:
        server.shutdown()
        server.server_close()


def _entry(folder: Path, file: Path) -> dict[str, object]:
    return {"type": "file", "path": file.relative_to(folder).as_posix(), "size": file.stat().st_size, "oid": "0"}
