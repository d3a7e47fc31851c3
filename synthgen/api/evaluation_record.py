"""How an evaluation was made, and the pictures of its page."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from synthgen.version import __version__

if TYPE_CHECKING:
    from synthgen.evaluating.findings import UsefulnessFindings
    from synthgen.evaluating.provenance import EvaluationProvenance
    from synthgen.evaluating.report import EvaluationPictures
    from synthgen.sets import ImageSet, SetSource

OpenedSets = Mapping[str, tuple["ImageSet", Mapping[str, list[str | None]]]]
"""By argument: the set, and the columns of its table."""


def provenance_of(
    given: Mapping[str, object], opened: OpenedSets, evaluate: Callable[..., object]
) -> EvaluationProvenance:
    """Say how an evaluation was made.

    Args:
        given: the arguments of `evaluate`, by name.
    """
    from synthgen.auditing.taken import place_sha256
    from synthgen.evaluating.command_line import evaluate_command
    from synthgen.evaluating.provenance import EvaluationProvenance

    defaults = {name: each.default for name, each in inspect.signature(evaluate).parameters.items()}
    return EvaluationProvenance(
        synthgen=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=evaluate_command(given, defaults),
        sets={name.replace("_", " "): images.source for name, (images, _) in opened.items()},
        place_sha256=place_sha256(cast("SetSource", given["synthetic"])),
    )


def pictures_of(findings: UsefulnessFindings, opened: OpenedSets) -> EvaluationPictures:
    """Read the pictures that the page shows: the hardest test images, and the synthetic ones beside them."""
    from synthgen.evaluating.report import HARD_SHOWN, SYNTHETIC, TEST

    shown = findings.hardest.images[:HARD_SHOWN]
    near = [one.id for each in shown for one in (each.nearest, each.nearest_alike) if one is not None]
    test = opened.get("test", opened["real"])
    return {
        **{(TEST, name): data for name, data in _thumbnails(*test, [each.id for each in shown])},
        **{(SYNTHETIC, name): data for name, data in _thumbnails(*opened["synthetic"], near)},
    }


def _thumbnails(
    images: ImageSet, columns: Mapping[str, list[str | None]], wanted: list[str]
) -> Iterator[tuple[str, bytes | None]]:
    from synthgen.sets import thumbnail

    names = set(wanted)
    rows = {row: name for row, name in enumerate(columns["id"]) if name in names}
    if rows:
        for name, data in zip(rows.values(), images.some([*rows]), strict=True):
            yield str(name), thumbnail(data)
