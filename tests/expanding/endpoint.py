"""A small OpenAI-compatible server on this machine, which answers as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


def said(content: object, model: str = "tiny-writer-1") -> Answer:
    """An answer as such a server gives it, with a text that the model wrote."""
    message = {"role": "assistant", "content": content}
    return 200, {}, json.dumps({"model": model, "choices": [{"index": 0, "message": message}]}).encode()


class Server:
    """What a server was asked, and its address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []


@contextmanager
def serving(
    answer: Callable[[dict[str, Any], int], Answer | Callable[[BaseHTTPRequestHandler], None]],
) -> Iterator[Server]:
    """Serve: `answer` gets the request and how many came before, and may write to the connection itself."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            request = json.loads(self.rfile.read(length))
            found.requests.append({**request, "path": self.path})
            found.headers.append(dict(self.headers))
            given = answer(request, len(found.requests) - 1)
            if callable(given):
                given(self)
                return
            status, headers, body = given
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hung up is what some tests are about."""

    server = Quiet(("127.0.0.1", 0), Handler)
    found = Server(f"http://127.0.0.1:{server.server_address[1]}/v1")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
