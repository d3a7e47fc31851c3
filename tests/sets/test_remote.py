"""Images named by address: left out unless the user says so, and fetched with bounds if he does."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from synthgen.images import LeftOut
from synthgen.sets import allowing_remote, open_set, remote
from synthgen.sets.own_folder import MOST_BYTES, TOO_LARGE
from tests.auditing.portraits import portrait
from tests.command import call, result


class Server(http.server.ThreadingHTTPServer):
    """Serves one picture, and keeps what it was asked."""

    asked: list[str]


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked.append(f"{self.path} {self.headers.get('Authorization')}")
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        data = portrait("chef", "dark", 1) if self.path.endswith(".png") else b"nothing"
        self.send_response(404 if "missing" in self.path else 200)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), _Handler)
    found.asked = []
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


def listing(folder: Path, *paths: str) -> Path:
    file = folder / "people.csv"
    file.write_text("path,label\n" + "".join(f"{path},chef\n" for path in paths), "utf-8")
    return file


def read(file: Path, *, allowed: bool) -> list[bytes | LeftOut | None]:
    with allowing_remote(allowed):
        found = open_set(file)
    return [each for batch in found.images() for each in batch]


def test_no_address_is_asked_without_the_users_word(tmp_path: Path, server: Server) -> None:
    file = listing(tmp_path, f"http://127.0.0.1:{server.server_port}/1.png")
    (found,) = read(file, allowed=False)
    assert isinstance(found, LeftOut)
    assert "is an address" in found.reason
    assert server.asked == []


def test_allowed_addresses_are_fetched_and_others_left_out(tmp_path: Path, server: Server) -> None:
    at = f"http://127.0.0.1:{server.server_port}"
    (tmp_path / "own.png").write_bytes(portrait("chef", "light", 2))
    paths = (f"{at}/1.png", "own.png", f"{at}/missing.png", f"{at}/to/file:///etc/hostname", "file:///etc/hostname")
    found = read(listing(tmp_path, *paths, "http://127.0.0.1:1/x.png", f"{at}/to/{at}/2.png"), allowed=True)
    first, own, missing, redirected, local, closed, moved = found
    assert (first, own) == (portrait("chef", "dark", 1), portrait("chef", "light", 2))
    assert moved == first
    assert missing == LeftOut("whose address cannot be fetched", "the server answered 404")
    assert all(isinstance(each, LeftOut) for each in (redirected, local, closed))
    assert all(each.endswith(" None") for each in server.asked)


def test_what_is_too_large_or_too_slow_is_left_out(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{server.server_port}/1.png"
    assert remote.fetch(address, 100, TOO_LARGE) == TOO_LARGE
    monkeypatch.setattr(remote, "_WHOLE", -1.0)
    slow = remote.fetch(address, MOST_BYTES, TOO_LARGE)
    assert isinstance(slow, LeftOut)
    assert "takes longer" in slow.detail


@pytest.mark.slow
def test_the_command_fetches_only_if_told(tmp_path: Path, server: Server) -> None:
    at = f"http://127.0.0.1:{server.server_port}"
    file = listing(tmp_path, f"{at}/1.png", f"{at}/2.png")
    asked = ("audit", file, "--judge", "bundled:judge", "--json")
    refused = call(*asked, folder=tmp_path)
    assert (refused.returncode, server.asked) == (2, [])
    done = call(*asked, "--allow-remote", folder=tmp_path)
    assert result(done.stdout)["findings"]["images"] == 2
