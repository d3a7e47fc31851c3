"""The page of a sweep: its settings beside each other, and the same prompts and seeds in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from synthgen.ledger.columns import LedgerRow
from synthgen.pages.page import data_uri, environment, write_page

_PICTURES = 1200
"""The most pictures on a page: some 5 MB."""
_NAMES = {"yield": "yield", "label": "class", "clip": "CLIP", "distinct": "distinct pictures"}


class Interval(Protocol):
    """A value with the ends of its interval."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


class SeveralPictures(Protocol):
    """How many distinct pictures the images of one prompt are worth."""

    @property
    def value(self) -> float: ...
    @property
    def pictures(self) -> Interval | None: ...
    @property
    def of(self) -> int: ...


class Measures(Protocol):
    """What a setting came to; see `SettingMeasures`."""

    @property
    def attempts(self) -> int: ...
    @property
    def passed(self) -> int: ...
    @property
    def yields(self) -> Interval: ...
    @property
    def fidelity(self) -> Mapping[str, tuple[float, Interval | None]]: ...
    @property
    def distinct(self) -> SeveralPictures | None: ...
    @property
    def seconds_accepted(self) -> Interval | None: ...
    @property
    def differences(self) -> Mapping[str, Interval]: ...


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """The figures of a setting as texts: a value, and its interval or nothing."""

    name: str
    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SweepPicture:
    """An image in the table of pictures."""

    uri: str | None
    verdict: str
    reason: str


def shown(name: str, found: Measures) -> ShownSetting:
    """Write the figures of a setting: yield, fidelity, distinct pictures, seconds per accepted image."""
    label, clip = (found.fidelity.get(key) for key in ("label", "clip"))
    distinct, seconds = found.distinct, found.seconds_accepted
    return ShownSetting(
        name,
        (
            (f"{found.yields.value:.0%}", f"{found.yields.low:.0%} to {found.yields.high:.0%}"),
            _figure(*label, "{:.2f}") if label else ("-", ""),
            _figure(*clip, "{:.3f}") if clip else ("-", ""),
            _figure(distinct.value, distinct.pictures, "{:.1f}") if distinct else ("-", ""),
            _figure(seconds.value, seconds, "{:.2g}") if seconds else ("none passed", ""),
        ),
    )


def _figure(value: float, interval: Interval | None, form: str) -> tuple[str, str]:
    ends = f"{form.format(interval.low)} to {form.format(interval.high)}" if interval else ""
    return form.format(value), ends


def write_comparison(
    path: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    settings: Sequence[tuple[str, Measures]],
    rows: Sequence[Sequence[LedgerRow]],
) -> None:
    """Write the page.

    Args:
        rows: the attempts of each setting, in one order.

    Raises:
        StorageError: `path` cannot be written.
    """
    limit = max(1, _PICTURES // len(settings))
    pictures = [
        (asked["prompt"], asked["seed"], [_picture(of_setting[place]) for of_setting in rows])
        for place, asked in _ordered(rows[0])[:limit]
    ]
    is_paired = all([_asked(each) for each in own] == [_asked(each) for each in rows[0]] for own in rows)
    of = next((found.distinct.of for _, found in settings if found.distinct), None)

    template = environment("synthgen.pages").get_template("sweep.html.j2")
    text = template.render(
        title=title,
        facts=facts,
        settings=[shown(name, found) for name, found in settings],
        of=of,
        differences=[
            (
                name,
                [
                    (_NAMES[key], *_signed(each), _is_sure(each))
                    for key in _NAMES
                    if (each := found.differences.get(key))
                ],
            )
            for name, found in settings
            if found.differences
        ],
        first=settings[0][0],
        pictures=pictures,
        hidden=len(rows[0]) - len(pictures),
        is_paired=is_paired,
    )
    write_page(path, text)


def _ordered(rows: Sequence[LedgerRow]) -> list[tuple[int, LedgerRow]]:
    """Put the seeds of one prompt beside each other."""
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(row["prompt"], len(first))
    return sorted(enumerate(rows), key=lambda each: (first[each[1]["prompt"]], each[0]))


def _asked(row: LedgerRow) -> tuple[str, int]:
    return row["prompt"], row["seed"]


def _picture(row: LedgerRow) -> SweepPicture:
    return SweepPicture(data_uri(row["thumbnail"]), row["verdict"], (row["reason"] or "").replace("_", " "))


def _signed(found: Interval) -> tuple[str, str]:
    return f"{found.value:+.2g}", f"{found.low:+.2g} to {found.high:+.2g}"


def _is_sure(found: Interval) -> bool:
    """Whether the interval leaves no doubt of the sign."""
    return found.low > 0 or found.high < 0
