"""Tables in the docs, written by the benchmarks that measured them."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from synthgen.stats.estimates import Floats


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


def ratio(times: Floats) -> str:
    """Write how many times as long theirs took as ours, of the seconds [rounds, ours and theirs].

    It is the geometric mean of the rounds, with Student's 95 % interval of its logarithm.
    """
    logs = np.log(times[:, 1] / times[:, 0])
    half = student.isf(0.025, len(logs) - 1) * logs.std(ddof=1) / np.sqrt(len(logs))
    low, middle, high = np.exp([logs.mean() - half, logs.mean(), logs.mean() + half])
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"
