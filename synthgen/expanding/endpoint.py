"""An OpenAI-compatible endpoint: one address, asked only with the user's word, and no other."""

import ipaddress
import json
import os
import time
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from synthgen.errors import ModelError, ModelUnavailable, UsageError
from synthgen.expanding.asking import PromptRequest
from synthgen.inert import inert

if TYPE_CHECKING:
    import requests

_MOST_BYTES, _PART = 4 * 2**20, 2**14
_BUSY, _TRIES, _LONGEST_WAIT = (429, 500, 502, 503, 504), 4, 60.0
"""Status codes after which the same request may succeed; how often it is sent; the most seconds in between."""
_SHOWN = 200
"""Letters of what an endpoint says of an error."""
_HINT = "Check prompts.expand.endpoint and prompts.expand.name."


def origin_of(address: str) -> str:
    """Return the scheme, the host and the port of an address, as they are compared.

    Raises:
        UsageError: it has none, or a user name or password.

    Example:
        >>> origin_of("https://API.example.com:443/v1")
        'https://api.example.com'
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise UsageError(f"{address!r} is not an address", hint=_HINT) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{address!r} is not an address such as https://host/v1", hint=_HINT)
    if parts.username is not None or parts.password is not None:
        raise UsageError("the address contains a user name or a password", hint="Use `key_from` for a key.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def check_allowed(address: str, allowed: Collection[str]) -> None:
    """Refuse to ask an endpoint elsewhere, unless the user has named it: a spec may come from anybody.

    Raises:
        UsageError: it is not on this machine, and not allowed.
    """
    origin = origin_of(address)
    if is_here(address) or origin in {origin_of(each) for each in allowed}:
        return
    plain = " It would travel unencrypted." if origin.startswith("http:") else ""
    raise UsageError(
        f"the spec names an endpoint on another machine, {origin}: what it asks, and a key, would be sent there",
        hint=f'If you want that, add `allow="{origin}"`.{plain}',
    )


def is_here(address: str) -> bool:
    """Whether an address is that of this machine itself."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Endpoint:
    """A language model behind an address.

    Args:
        name: of the model.
        key: sent as a bearer token, if there is one; never shown.
        timeout: seconds for a whole answer.
    """

    revision: None = None

    def __init__(self, address: str, name: str, *, key: str | None, timeout: int, temperature: float) -> None:
        self._url = f"{address.rstrip('/')}/chat/completions"
        self._name, self._key, self._timeout, self._temperature = name, key, timeout, temperature
        self._origin, self.model = origin_of(address), name
        if key is not None and not (key.isascii() and key.isprintable()):
            raise UsageError("the key has characters that no HTTP header may have", argument="key_from")

    def write(self, request: PromptRequest, seed: int) -> str:
        """Answer a request.

        Raises:
            ModelUnavailable: it cannot be reached, is too slow, or stays busy.
            ModelError: it refuses, or its answer is not that of such an endpoint.
        """
        content = {
            "model": self._name,
            "messages": request.messages(),
            "temperature": self._temperature,
            "seed": seed,
        }
        for tries in range(_TRIES):
            status, body, wait = self._post(content)
            if status not in _BUSY or tries == _TRIES - 1:
                break
            time.sleep(min(_LONGEST_WAIT, 2.0**tries if wait is None else wait))
        if status != 200:
            raise self._refusal(status, body)
        return self._text_in(body)

    def _post(self, content: dict[str, object]) -> tuple[int, bytes, float | None]:
        """Send a request; return the status, the body, and the seconds to wait that it names."""
        import requests

        began = time.monotonic()
        try:
            with requests.Session() as session:
                session.trust_env = False  # no password of ~/.netrc
                if not is_here(self._url):
                    session.proxies = requests.utils.get_environ_proxies(self._url)
                    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
                if self._key is not None:
                    session.headers["Authorization"] = f"Bearer {self._key}"
                with session.post(
                    self._url, json=content, timeout=self._timeout, stream=True, allow_redirects=False
                ) as answer:
                    body = self._body(answer, began)
                    return answer.status_code, body, _seconds(answer.headers.get("Retry-After"))
        except requests.Timeout:
            raise self._slow() from None
        except (requests.RequestException, OSError, ValueError) as error:
            raise ModelUnavailable(
                f"the endpoint {self._origin} cannot be reached ({type(error).__name__})",
                hint="Start it, or check prompts.expand.endpoint.",
            ) from None

    def _body(self, answer: "requests.Response", began: float) -> bytes:
        from urllib3.exceptions import HTTPError

        found = bytearray()
        try:
            while part := answer.raw.read1(_PART, decode_content=True):
                found += part
                if len(found) > _MOST_BYTES:
                    raise ModelError(
                        f"the endpoint {self._origin} answered with more than {_MOST_BYTES >> 20} MiB", hint=_HINT
                    )
                if time.monotonic() - began > self._timeout:
                    raise self._slow()
        except HTTPError as error:
            if "timed out" in str(error):
                raise self._slow() from None
            what = f"the connection to the endpoint {self._origin} broke ({type(error).__name__})"
            raise ModelUnavailable(what, hint="Try again.") from None
        return bytes(found)

    def _slow(self) -> ModelUnavailable:
        what = f"the endpoint {self._origin} gave no whole answer in {self._timeout} s"
        return ModelUnavailable(what, hint="Try again, or raise prompts.expand.timeout.")

    def _refusal(self, status: int, body: bytes) -> ModelError:
        said = self._said(body)
        what = f"the endpoint {self._origin} answered {status}{f': {said}' if said else ''}"
        if status in _BUSY:
            return ModelUnavailable(f"{what}, {_TRIES} times", hint="It is busy. Try again later.")
        if status in (401, 403):
            hint = "Put its key into an environment variable, and name that with `key_from`."
        elif 300 <= status < 400:
            hint = "It points to another address, which is not followed. Name that one in prompts.expand.endpoint."
        else:
            hint = _HINT
        return ModelError(what, hint=hint)

    def _said(self, body: bytes) -> str:
        """Return what an endpoint says of an error, without the key."""
        text = body.decode("utf-8", "replace")
        with suppress(ValueError, RecursionError):  # what is no JSON is shown as it is
            found = json.loads(text)
            error = found.get("error") if isinstance(found, dict) else None
            text = str(error.get("message") if isinstance(error, dict) else error or text)
        text = text.replace(self._key, "***") if self._key else text
        return inert(" ".join(text.split()))[:_SHOWN]

    def _text_in(self, body: bytes) -> str:
        """Return the text of an answer. One without any, as of a model that refuses, is empty."""
        try:
            found = json.loads(body.decode("utf-8"))
            message = found["choices"][0]["message"]
            text = message["content"]
        except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError):
            what = f"the endpoint {self._origin} answered what no OpenAI-compatible endpoint does"
            raise ModelError(f"{what}: {self._said(body)!r}", hint=_HINT) from None
        if isinstance(found.get("model"), str) and found["model"].strip():
            self.model = inert(found["model"])[:_SHOWN]
        return text if isinstance(text, str) else ""


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None
