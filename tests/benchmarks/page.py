"""Tables in the docs, written by the benchmarks that measured them."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    yield from ("| " + " | ".join(map(str, row)) + " |" for row in rows)
    yield ""


def paragraph(text: str) -> Iterator[str]:
    yield textwrap.fill(text, 118)
    yield ""


def put_into(page: Path, text: str, name: str = "figures") -> None:
    """Replace what stands between the marks `<!-- name -->` and `<!-- /name -->` of `page`; all else stays."""
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, begin, rest = page.read_text("utf-8").partition(opening)
    _, end, after = rest.partition(closing)
    assert begin, f"{page} has no {opening}"
    assert end, f"{page} has no {closing}"
    page.write_text(f"{before}{opening}\n\n{text}\n{closing}{after}", "utf-8")
