"""Tables in the docs, written by the benchmarks that measured them."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    yield from ("| " + " | ".join(map(str, row)) + " |" for row in rows)
    yield ""


def paragraph(text: str) -> Iterator[str]:
    yield textwrap.fill(text, 118)
    yield ""


def put_into(page: Path, text: str) -> None:
    """Replace what stands between the marks of `page`; all else stays."""
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, f"{page} has no {BEGIN}"
    assert end, f"{page} has no {END}"
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", "utf-8")
