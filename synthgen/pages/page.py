"""Pages that people open: each one HTML file, nothing active in it, nothing fetched. Sheets and reports share it."""

from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from synthgen.files import write_file
from synthgen.inert import inert

_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"), (b"\x89PNG", "image/png"))


def environment(room: str) -> Environment:
    """For the templates of the package `room`, which may extend and include those of this one.

    Whatever a template prints is escaped, and `inert`.
    """
    found = Environment(
        loader=ChoiceLoader([PackageLoader(room, "."), PackageLoader("synthgen.pages.page", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_inert,
    )
    found.filters |= {"short": short, "number": number}
    return found


def short(text: object, limit: int = 120) -> str:
    """One line of at most `limit` characters; an ellipsis stands for the rest."""
    line = " ".join(inert(str(text)[: 8 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def number(value: int) -> str:
    return f"{value:,}"


def data_uri(image: bytes | None) -> str | None:
    """None where it is no JPEG, WebP or PNG."""
    data = image or b""
    kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)
    return f"data:{kind};base64,{b64encode(data).decode()}" if kind else None


def write_page(path: Path, text: str) -> None:
    """Write the file whole or not at all.

    Raises:
        StorageError: `path` cannot be written.
    """
    write_file(path, text.encode())


def _inert(value: Any) -> Any:
    """What is no plain string, such as the output of a macro, has been through here."""
    return inert(value) if type(value) is str else value
