"""A terminal shows the telling values of an attribute that has many."""

from collections.abc import Mapping

import pytest
from rich.console import Console

from synthgen.auditing.report import AuditReport, render_tables
from synthgen.stats.distance import Reference, Target
from tests.auditing.report.demo import plain
from tests.sets.sets import of_counts

VALUES = tuple(f"v{number:03}" for number in range(300))
COUNTS = {label: {value: 1 + place for place, value in enumerate(VALUES)} for label in ("chef", "doctor")}


def printed(report: AuditReport) -> list[str]:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(*render_tables(report), sep="")
    return capture.get().splitlines()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "kept"), [(None, VALUES[280:]), ({"v003": 0.5, "v000": 0.5}, ("v000", "v003", *VALUES[282:]))]
)
def test_many_values_are_shortened_to_the_telling_ones_in_their_order(
    target: Mapping[str, float] | None, kept: tuple[str, ...]
) -> None:
    references = {"skin": Reference("target", Target(target))} if target else {}
    lines = printed(plain(of_counts(COUNTS), {"skin": VALUES}, references=references))
    place = next(index for index, line in enumerate(lines) if line.startswith(" overall"))
    assert [line.split()[0 if number else 1] for number, line in enumerate(lines[place : place + 20])] == list(kept)
    assert "280 more values in audit.json" in lines[place + 20]
    assert len(lines) < 150
