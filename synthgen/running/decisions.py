"""Decisions on disk: `decisions/00001.json` and so on, each created exclusively and never changed.

They count in their order. To undo one is another decision.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from pydantic import TypeAdapter, ValidationError

from synthgen.errors import StorageError
from synthgen.ledger.review import Word
from synthgen.seal import seal, unseal
from synthgen.store import layout
from synthgen.store.store import RunStore

_ID = re.compile(r"[0-9]{5,}-[0-9]{6,}")
_HINT = "Restore it from a backup. Without one, delete it and those that follow it, and decide again."


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """One decision about some images.

    Attributes:
        exclude, include: ids of images to take out of the dataset, and into it.
        undo: take back what was decided about them, instead.
        reason: in the reviewer's words.
        reviewer: who decided; None for the run itself.
        time: when, in UTC, in ISO 8601.
        carried: it was made about the run that this one repeats, whose images may differ.
    """

    exclude: tuple[str, ...]
    include: tuple[str, ...]
    undo: bool
    reason: str | None
    reviewer: str | None
    time: str
    carried: bool = False


_DECISION = TypeAdapter(ReviewDecision)


def read_decisions(store: RunStore) -> list[ReviewDecision]:
    """Read all decisions, the first one first.

    Raises:
        StorageError: one is damaged, or missing among the others.
    """
    return [_read(store, number, name) for number, name in _numbered(store)]


def damaged_decisions(store: RunStore) -> Iterator[tuple[str, str]]:
    """Yield the name of each decision that is damaged, and why."""
    for number, name in _numbered(store):
        try:
            _read(store, number, name)
        except StorageError as error:
            yield name, f"{error.message.removeprefix(f'{store.location}/{name} ')}. {_HINT}"


def keep_decision(store: RunStore, number: int, decision: ReviewDecision) -> bool:
    """Create the `number`th decision, counted from 1; False if somebody else was first."""
    return store.create(layout.decision(number), seal(json.dumps(asdict(decision), indent=1)).encode())


def carry_decisions(store: RunStore, into: RunStore) -> int:
    """Copy the decisions of a run into one that repeats it, unless that has its own; return their number. Idempotent.

    Raises:
        StorageError: a decision is damaged, or cannot be written.
    """
    found = read_decisions(store)
    if not all(decision.carried for decision in read_decisions(into)):
        return 0
    for number, decision in enumerate(found, start=1):
        keep_decision(into, number, replace(decision, carried=True))
    return len(found)


def words_of(decisions: Iterable[ReviewDecision]) -> dict[str, Word]:
    """Return what holds now for each image that was decided about, by id."""
    said: dict[str, list[Word]] = {}
    for decision in decisions:
        for is_in, ids in ((False, decision.exclude), (True, decision.include)):
            for image_id in ids:
                words = said.setdefault(image_id, [])
                if not decision.undo:
                    words.append(Word(is_in, decision.reviewer, decision.reason))
                elif words and words[-1].is_in is is_in:
                    words.pop()
    return {image_id: words[-1] for image_id, words in said.items() if words}


def _numbered(store: RunStore) -> Sequence[tuple[int, str]]:
    names = [name for name in store.names(layout.DECISIONS) if not layout.is_temporary(name)]
    return list(enumerate(names, start=1))


def _read(store: RunStore, number: int, name: str) -> ReviewDecision:
    try:
        if name != layout.decision(number):
            raise ValueError(f"expected {layout.decision(number)} before it")
        content, is_sealed = unseal(store.read(name).decode())
        if not is_sealed:
            raise ValueError("it has no sha256")
        decision = _DECISION.validate_json(json.dumps(content), strict=True)
        if strange := content.keys() - asdict(decision).keys():
            raise ValueError(f"it has an entry {min(strange)!r}")
        if wrong := [each for each in (*decision.exclude, *decision.include) if not _ID.fullmatch(each)]:
            raise ValueError(f"{wrong[0]!r:.40} is not the id of an image")
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"]
        raise StorageError(f"{store.location}/{name} is damaged: {problem}", hint=_HINT) from error
    except (ValueError, KeyError) as error:
        raise StorageError(f"{store.location}/{name} is damaged: {error}", hint=_HINT) from error
    return decision
