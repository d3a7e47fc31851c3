"""An S3 server on this machine, in a process of its own: `python -m tests.s3_server` prints its address.

It is moto's, with one thing mended. moto looks whether an object is there and then writes it, and another request may
come in between: of 150 objects that six processes created conditionally under load, it gave two to two of them. Here
one conditional request is served after the other.

The first word of a bucket's name says how it differs from a well-behaved one:

    careless-..   ignores `If-None-Match`
    forgetful-..  loses its first answer to each conditional request: what was asked for is done, but nobody hears of it
    busy-..       refuses each conditional request once with 409, as S3 does when two come at the same moment
    locked-..     refuses everything with 403
    racing-..     holds the first marker of each shard back until a second one comes, from another worker
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from threading import Barrier, BrokenBarrierError, Lock
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
CONDITION = "HTTP_IF_NONE_MATCH"


class OneByOne:
    """Serves conditional requests one after the other, and makes the trouble that the bucket's name asks for."""

    def __init__(self, server: Application) -> None:
        self._server = server
        self._lock = Lock()
        self._seen: set[str] = set()
        self._races: defaultdict[str, Barrier] = defaultdict(partial(Barrier, 2, timeout=45))

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        trouble = path.strip("/").partition("-")[0]
        if trouble == "careless":
            environ.pop(CONDITION, None)
        makes_the_bucket = environ["REQUEST_METHOD"] == "PUT" and "/" not in path.strip("/")
        if trouble == "locked" and not makes_the_bucket:
            return _refusal(start, "403 Forbidden", "AccessDenied")
        if CONDITION not in environ:
            return self._server(environ, start)
        if trouble == "racing" and "/done/" in path:
            self._wait_for_the_other(path)
        with self._lock:
            first = path not in self._seen
            self._seen.add(path)
            if trouble == "busy" and first:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                return _refusal(start, "409 Conflict", "ConditionalRequestConflict")
            answer = self._server(environ, (lambda *_: None) if trouble == "forgetful" and first else start)
            if trouble == "forgetful" and first:
                list(answer)
                return _refusal(start, "500 Internal Server Error", "InternalError")
            return answer

    def _wait_for_the_other(self, path: str) -> None:
        """Those that come later, when the race is long decided, find the barrier broken."""
        with self._lock:
            barrier = self._races[path]
        with suppress(BrokenBarrierError):
            barrier.wait()
            barrier.abort()


def _refusal(start: Callable[..., Any], status: str, code: str) -> Iterable[bytes]:
    start(status, [("Content-Type", "application/xml")])
    return [f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()]


class Silent(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


def main() -> None:
    application = OneByOne(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Silent)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
