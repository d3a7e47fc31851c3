"""Notes for the reader of an audit on images that were left out or converted."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from synthgen.auditing.gates import GateResult
    from synthgen.auditing.input.audit_input import ObservedSet
    from synthgen.auditing.input.query import AuditQuery
    from synthgen.images import Change, LeftOut

_SHOWN = 3


def notes_on(seen: ObservedSet) -> list[str]:
    """Write the notes of the set, a line for each reason why images were left out, and one for converted images."""
    from synthgen.sets import aside_of
    from synthgen.sets.files import DO_NOT_EXIST
    from synthgen.sets.own_folder import BACKSLASHES, MISSING

    source = seen.images.source
    aside = aside_of(seen.images)  # the notes of the set tell of these
    left_out = {name: why for name, why in seen.looked.left_out.items() if name not in aside}
    notes = list(seen.images.notes)
    if any(why in (MISSING, BACKSLASHES) for why in left_out.values()):  # counted as left out
        notes = [note for note in notes if DO_NOT_EXIST not in note]
    lines = [*notes, *_left_out(left_out), *_converted(seen.looked.changes)]
    return [f"{source}: {line}" for line in lines]


def left_out_gates(seen: ObservedSet, query: AuditQuery) -> list[GateResult]:
    """Fail if a larger share of a set's images was left out than is allowed: the others may not stand for it."""
    from synthgen.auditing.gates import GateOutcome, GateResult

    out, used = len(seen.looked.left_out), len(seen.looked.frame)
    if not used or out <= query.allow_left_out * (out + used):
        return []
    (reason, most), *_ = Counter(each.reason for each in seen.looked.left_out.values()).most_common(1)
    mostly = "" if most == out else "mostly "
    what = f"{seen.images.source}: {out:,} of {out + used:,} images were left out, {mostly}those {reason}"
    return [GateResult(f"images left out: share <= {query.allow_left_out:g}", GateOutcome.FAIL, what, ())]


def _left_out(images: Mapping[str, LeftOut]) -> Iterable[str]:
    names = defaultdict[str, list[str]](list)
    for name, each in images.items():
        names[each.reason].append(name)
    for reason, several in names.items():
        shown = ", ".join(several[:_SHOWN]) + (", .." if len(several) > _SHOWN else "")
        yield f"images {reason}, and were left out: {len(several)} ({shown})"


def _converted(changes: Iterable[Change]) -> Iterable[str]:
    from synthgen.images import Change

    meanings = {
        Change.SIXTEEN: ("16 bits a channel", "scaled"),
        Change.DEEPER: ("32 bits a channel", "scaled"),
        Change.GROUND: ("transparency", "put on white"),
    }
    counts = Counter(kind for change in changes for kind in meanings if kind in change)
    parts: list[str] = []
    for kind, (what, done) in meanings.items():
        if count := counts[kind]:
            has, was, noun = ("has", "was", "image ") if count == 1 else ("have", "were", "images ")
            parts.append(f"{count:,} {noun if not parts else ''}{has} {what} and {was} {done}")

    if parts:
        yield "; ".join(parts)
