"""A hub on this machine: what huggingface_hub asks of the real one when it looks a model up and downloads it."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.hub_datasets import DatasetRepos

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Folders served as models `owner/FOLDER` at `COMMIT`, and repositories of datasets that can be written.

    Attributes:
        downloads: how often each file was sent, by `owner/FOLDER/FILE`.
        asked: every path that was asked for, files and others.
        crowded: whether it answers each path's first request with 429, as the real one does when many ask at once.
        refused: how often it did.
        away: whether it answers everything with 503.
        datasets: its repositories of datasets.
    """

    def __init__(self, folder: Path, *, crowded: bool) -> None:
        self.folder, self.downloads = folder, Counter[str]()
        self.crowded, self.refused = crowded, 0
        self.asked = set[str]()
        self.url, self.away = "", False
        self.datasets = DatasetRepos()

    def files(self, model: str) -> list[Path]:
        return [path for path in sorted((self.folder / model).rglob("*")) if path.is_file()]


@contextmanager
def serve(folder: Path, *, crowded: bool = False) -> Iterator[Hub]:
    """Serve each folder in `folder` until the block ends."""
    hub = Hub(folder, crowded=crowded)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            first = self.path not in hub.asked
            hub.asked.add(self.path)
            if hub.away or (hub.crowded and first):
                hub.refused += 1
                self._send(503 if hub.away else 429, b"", {"Retry-After": "1"})
                return
            if (found := self._of_datasets()) is not None:
                self._send(*found)
                return
            match self.path.partition("?")[0].strip("/").split("/"):
                case ["api", "models", "owner", model, "tree", _, *_]:
                    self._send_json([_described(hub.folder / model, path) for path in hub.files(model)])
                case ["api", "models", "owner", model, *_] if hub.files(model):
                    names = [
                        {"rfilename": path.relative_to(hub.folder / model).as_posix()} for path in hub.files(model)
                    ]
                    self._send_json({"id": f"owner/{model}", "sha": COMMIT, "siblings": names, "tags": []})
                case ["owner", model, "resolve", _, *parts]:
                    name = "/".join(parts)
                    hub.downloads[f"owner/{model}/{name}"] += self.command == "GET"
                    self._send_file(hub.folder / model / name)
                case _:
                    self._send(404, b"", {"X-Error-Code": "RepoNotFound"})

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self._send(*(self._of_datasets() or (404, b"{}", {})))

        def do_PUT(self) -> None:
            self.do_POST()

        def _of_datasets(self) -> tuple[int, bytes, dict[str, str]] | None:
            size, chunks = self.headers.get("Content-Length"), b""
            if size is not None:
                chunks = self.rfile.read(int(size))
            elif self.headers.get("Transfer-Encoding") == "chunked":
                while length := int(self.rfile.readline(), 16):
                    chunks += self.rfile.read(length)
                    self.rfile.readline()
                self.rfile.readline()
            return hub.datasets.answer(
                self.command, self.path, {name.title(): value for name, value in self.headers.items()}, chunks
            )

        def _send_file(self, path: Path) -> None:
            if not path.is_file():
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            data = path.read_bytes()
            self._send(200, data, {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT})

        def _send_json(self, content: object) -> None:
            self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

        def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = hub.datasets.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield hub
        server.shutdown()
        thread.join()


def _described(model: Path, path: Path) -> dict[str, object]:
    data = path.read_bytes()
    name = path.relative_to(model).as_posix()
    return {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
