"""`datasheet.md`: the questions with their answers, for people to fill in. A changed one is never overwritten."""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from synthgen.auditing.questions.findings import Questions
from synthgen.inert import inert
from synthgen.pages.page import write_page
from synthgen.records import AskedPoint

SHEET, NEXT_SHEET = "datasheet.md", "datasheet.new.md"
_SPECIAL = re.compile(r"([\\`*_\[\]#!|~$@]|:(?=//))")
_MARK = re.compile(r"<!-- synthgen wrote this file; sha256 ([0-9a-f]{64}) -->\n\Z")
_MOST_BYTES = 2**20


def write_sheet(folder: Path, title: str, questions: Questions) -> Path | None:
    """Write the datasheet into `folder`, or beside it under a new name if somebody has filled it in.

    Returns:
        The file written; None if both files were changed by hand.

    Raises:
        StorageError: the folder cannot be written.
    """
    text = sheet(title, questions)
    for path in (folder / SHEET, folder / NEXT_SHEET):
        if is_untouched(path):
            write_page(path, text)
            return path
    return None


def is_untouched(path: Path) -> bool:
    """Tell whether a datasheet is not there, or as synthgen wrote it."""
    if not path.exists() and not path.is_symlink():
        return True
    if not path.is_file() or path.is_symlink() or path.stat().st_size > _MOST_BYTES:
        return False
    return is_as_written(path.read_bytes())


def is_as_written(content: bytes) -> bool:
    """Tell whether the content of a datasheet is as synthgen wrote it."""
    text = content.decode("utf-8", "replace").replace("\r\n", "\n")
    found = _MARK.search(text)
    return found is not None and found[1] == _sha256(text[: found.start()])


def sheet(title: str, questions: Questions) -> str:
    """Write the datasheet as Markdown."""
    body = "\n".join(_lines(title, questions)) + "\n"
    return f"{body}<!-- synthgen wrote this file; sha256 {_sha256(body)} -->\n"


def _sha256(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def _lines(title: str, questions: Questions) -> Iterator[str]:
    yield f"# Datasheet: {_plain(title)}"
    yield f"\n{_plain(questions.notice)} An audit never overwrites this file once it was changed.\n"
    for group in questions.datasheet:
        yield f"## {group.name.capitalize()}\n"
        yield from _points(group.points, of=group.name)
    yield "## Article 10(2) of the AI Act (Regulation (EU) 2024/1689)\n"
    yield from _points(questions.article_10)


def _points(points: Iterable[AskedPoint], of: str = "") -> Iterator[str]:
    for point in points:
        key = point.key.removeprefix(f"{of}: ")
        yield f"### {key}: {_plain(point.asked)}\n"
        yield from (f"- {_plain(sentence)}" for sentence in point.known)
        if point.open is not None:
            yield f"- **Open:** {_plain(point.open)}"
        yield ""


def _plain(text: str) -> str:
    """Write a text on one line, so that Markdown and HTML take it literally."""
    line = " ".join(inert(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", line)
