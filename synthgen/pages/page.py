"""What all pages share: each is one HTML file with nothing to fetch.

A page has no active content, except where it is given a `script` of ours: then its policy allows this one script by its
hash, and no other.
"""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from synthgen.files import write_file
from synthgen.inert import inert

_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"), (b"\x89PNG", "image/png"))
_SPACES = re.compile(r"[^\S\N{NO-BREAK SPACE}]+")
"""A no-break space stays: without it, a line could end between a number and its `%`."""
_RIGHT = "\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_FROM_THE_RIGHT = re.compile(f"[{_RIGHT}](?:[^\\S\\n]*[{_RIGHT}])*")
"""Words that are written from right to left, with the spaces between them."""


@cache
def environment(room: str) -> Environment:
    """Return an environment for the templates of the package `room`, which may extend and include those of this one.

    Everything that a template prints is escaped and made `inert`.
    """
    found = Environment(
        loader=ChoiceLoader([PackageLoader(room, "."), PackageLoader("synthgen.pages.page", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_inert,
    )
    found.filters |= {"short": short, "number": number, "hashed": hashed, "isolated": isolated}
    return found


def short(text: object, limit: int = 120) -> str:
    """Shorten a text to one line of at most `limit` characters, with an ellipsis for the rest."""
    line = _SPACES.sub(" ", inert(str(text)[: 8 * limit])).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def script(room: str, name: str) -> Markup:
    """Return a script of a package as the text of a `<script>`, which no template changes."""
    text = files(room).joinpath(name).read_text("utf-8")
    assert "</" not in text, "it would end the element"
    return Markup(text)  # it ships with synthgen


def hashed(text: str) -> str:
    """Return what a content security policy calls a script: `sha256-` and the hash in base64."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def isolated(text: object) -> Markup:
    """Escape a sentence or a composite name, and isolate words that are written from right to left.

    Otherwise they would move the numbers and the punctuation beside them: "60 %" after such a name would be shown as
    "% 60" before it.
    """
    return Markup(_FROM_THE_RIGHT.sub(r"<bdi>\g<0></bdi>", str(escape(text))))


def number(value: int) -> str:
    return f"{value:,}"


def data_uri(image: bytes | None) -> str | None:
    """Return the image as a data URI; None if it is not a JPEG, WebP or PNG."""
    data = image or b""
    kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)
    return f"data:{kind};base64,{b64encode(data).decode()}" if kind else None


def write_page(path: Path, text: str) -> None:
    """Write the file whole or not at all.

    Raises:
        StorageError: `path` cannot be written.
    """
    write_file(path, text.encode())


def _inert(value: object) -> object:
    """Make plain strings inert. Anything else, such as the output of a macro, was made inert before."""
    return inert(value) if type(value) is str else value
