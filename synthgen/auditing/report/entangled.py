"""Entanglement for readers: which steering works, and what else it moves."""

from collections.abc import Iterator
from dataclasses import dataclass

from synthgen.auditing.entanglement import Entangled, Hits
from synthgen.auditing.findings import Findings
from synthgen.auditing.report.words import p_value, spoken
from synthgen.pages.page import short
from synthgen.stats.estimates import ALPHA, Estimate

_ROWS, _MOVES = 24, 6


@dataclass(frozen=True, slots=True)
class EntangledPair:
    """A pair with its test and its largest moves in words."""

    pair: Entangled
    test: str
    moves: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class EntanglementView:
    """The section of the page.

    Attributes:
        images, left_out: see `Entanglement`.
        steering: hits overall and in the classes with the lowest rates.
        hidden: the number of classes that are not shown.
        pairs: those beyond chance first.
    """

    images: int
    left_out: int
    steering: tuple[Hits, ...]
    hidden: int
    pairs: tuple[EntangledPair, ...]


def entanglement(findings: Findings) -> EntanglementView | None:
    found = findings.entanglement
    if found is None or not found.images or not (found.steering or found.pairs):
        return None
    overall = [hit for hit in found.steering if hit.class_name is None]
    classes = [hit for hit in found.steering if hit.class_name is not None and hit.value is None and hit.rate]
    classes.sort(key=lambda hit: hit.rate.value if hit.rate else 0.0)
    pairs = sorted(found.pairs, key=lambda pair: _p(pair) if pair.test else 2.0)
    shown = tuple(EntangledPair(pair, _test(pair), tuple(_moves(pair))) for pair in pairs)
    return EntanglementView(found.images, found.left_out, (*overall, *classes[:_ROWS]), len(classes[_ROWS:]), shown)


def entangled_line(findings: Findings) -> str | None:
    """Write what steering also moves, beyond chance, in a line; None if that is nothing."""
    pairs = [pair for pair in (findings.entanglement.pairs if findings.entanglement else ()) if _beyond(pair)]
    if not pairs:
        return None
    told = "; ".join(_told(pair) for pair in pairs[:3])
    more = f"; {len(pairs) - 3} more in audit.json" if len(pairs) > 3 else ""
    return f"Steering one attribute also moves another: {told}{more}"


def _told(pair: Entangled) -> str:
    move = pair.moves[0]
    steered, other = short(spoken(pair.steered), 24), short(spoken(pair.measured), 24)
    return f"{steered} {short(move.aimed, 24)}: {other} {short(move.answer, 24)} {_points(move.difference)}"


def _beyond(pair: Entangled) -> bool:
    return pair.test is not None and bool(pair.moves) and _p(pair) < ALPHA


def _p(pair: Entangled) -> float:
    assert pair.test is not None, "asked of pairs that were tested"
    return pair.test.p_value if pair.test.adjusted is None else pair.test.adjusted


def _test(pair: Entangled) -> str:
    return f"{pair.test.name}, {p_value(_p(pair))}" if pair.test else pair.reason or ""


def _moves(pair: Entangled) -> Iterator[tuple[str, str, str]]:
    for move in pair.moves[:_MOVES]:
        yield move.aimed, move.answer, _points(move.difference)


def _points(found: Estimate) -> str:
    """Write a difference of shares in percentage points, with its interval."""
    value, low, high = (f"{100 * each:+.1f}" for each in (found.value, found.low, found.high))
    return f"{value} points ({low} to {high})"
