"""`decide`: check what somebody says about images of a run, and keep it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from synthgen.errors import StorageError, UsageError
from synthgen.planning import Plan
from synthgen.records import Verdict
from synthgen.running.attempts import CommittedAttempt, find_attempts, shard_of
from synthgen.running.decisions import ReviewDecision, keep_decision, read_decisions, words_of
from synthgen.running.state import RunState, read_intact, read_state
from synthgen.store.store import RunStore

_SHOWN = 10
"""At most this many ids are named in an error."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for one image.

    Attributes:
        place: where it was asked, such as `review.csv:3`; empty if by an argument.
    """

    id: str
    is_in: bool
    place: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.id}" if self.place else self.id


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision changed.

    Attributes:
        number: of the decision in the run, from 1; None if nothing had to change.
        excluded, included: ids that are out, or in, since now.
        undone: ids about which an earlier decision was taken back.
        unchanged: ids that were so already.
        overfilled: by cell, the images beyond its quota, of the cells that the decision concerns.
    """

    number: int | None
    excluded: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    overfilled: Mapping[str, int] = field(default_factory=dict)


def decide(
    plan: Plan, store: RunStore, asked: Sequence[Asked], *, undo: bool, reason: str | None, reviewer: str | None
) -> Decided:
    """Keep a decision about committed images. If nothing has to change, no decision is kept.

    Args:
        asked: what is wanted for each image or, with `undo`, which kind of decision about it is to be taken back.
        reviewer: who decides; None if the run itself does.

    Raises:
        UsageError: an image is not there, or cannot be taken in or out; or two entries contradict each other.
        StorageError: the run cannot be read or written, or a marker is damaged.
    """
    _refuse_contradictions(asked)
    wanted = {one.id: one for one in asked}
    while True:
        state = read_intact(plan, store)
        attempts = find_attempts(plan, store, state.done, wanted)
        earlier = read_decisions(store)
        said = words_of(earlier)
        _refuse_unknown(store, state, attempts.keys() | (said.keys() if undo else set()), wanted)
        if undo:
            new = [one for one in wanted.values() if (word := said.get(one.id)) and word.is_in is one.is_in]
        else:
            there = {name for name, attempt in attempts.items() if _is_there(attempt, state)}
            new = [one for one in wanted.values() if (one.id in there) is not one.is_in]
            _refuse_impossible(store, state, attempts, [*wanted.values()], new)
            _refuse_emptying(store, state, new)
        if not new:
            return Decided(None, unchanged=tuple(wanted))

        excluded = tuple(one.id for one in new if not one.is_in)
        included = tuple(one.id for one in new if one.is_in)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        if keep_decision(store, len(earlier) + 1, ReviewDecision(excluded, included, undo, reason, reviewer, now)):
            break
        if len(read_decisions(store)) <= len(earlier):
            raise StorageError(
                f"{store.location}: decisions cannot be created",
                hint="Another process may have used the number and removed it.",
            )

    changed = {one.id for one in new}
    return Decided(
        len(earlier) + 1,
        excluded=() if undo else excluded,
        included=() if undo else included,
        undone=tuple(one.id for one in new) if undo else (),
        unchanged=tuple(name for name in wanted if name not in changed),
        overfilled=_overfilled(read_state(plan, store), {attempts[name].cell for name in changed & attempts.keys()}),
    )


def spare_by_cell(state: RunState) -> Counter[str]:
    """Count, by cell, what committed images have beyond the quota of their cell; negative where images are missing."""
    found = Counter(state.topped_up)
    for record in state.done.values():
        found.subtract({short.cell: short.missing for short in record.shortfalls})
    return found


def _overfilled(state: RunState, cells: set[str | None]) -> dict[str, int]:
    return {cell: spare for cell, spare in sorted(spare_by_cell(state).items()) if spare > 0 and cell in cells}


def _is_there(attempt: CommittedAttempt, state: RunState) -> bool:
    """Whether the dataset has the image, as far as decisions say."""
    accepted = attempt.verdict is Verdict.ACCEPTED and attempt.id not in state.review.excluded
    return accepted or attempt.id in state.review.included


def _refuse_contradictions(asked: Sequence[Asked]) -> None:
    first: dict[str, Asked] = {}
    for one in asked:
        other = first.setdefault(one.id, one)
        if other.is_in is not one.is_in:
            places = " and ".join(each.place or "the command" for each in (other, one))
            what = f"{one.id} is to be both included and excluded: by {places}"
            raise UsageError(what, hint="Leave one of them out. Nothing was decided.")


def _refuse_unknown(store: RunStore, state: RunState, known: Collection[str], wanted: Mapping[str, Asked]) -> None:
    unknown = [one for name, one in wanted.items() if name not in known]
    if not unknown:
        return
    hint = "The contact sheet and the ledger have the ids. Nothing was decided."
    if any(shard_of(one.id) in state.pending for one in unknown):
        hint = f"Some shards are not committed yet: finish the run first. {hint}"
    what = "this image" if len(unknown) == 1 else f"these {_noun(unknown)}"
    raise UsageError(f"{store.location} does not have {what}:{_listed(unknown)}", hint=hint)


def _refuse_impossible(
    store: RunStore,
    state: RunState,
    attempts: Mapping[str, CommittedAttempt],
    wanted: Sequence[Asked],
    new: Sequence[Asked],
) -> None:
    """Refuse to take out what the filters did not accept, and to take in what has no pixels."""
    others = {name for name, attempt in attempts.items() if attempt.verdict is not Verdict.ACCEPTED}
    decided = state.review.included.keys() | state.review.barred
    if never := [one for one in wanted if not one.is_in and one.id in others - decided]:
        hint = "Only images of the dataset can be taken out. Nothing was decided."
        raise UsageError(f"{store.location}: {_noun(never)} not accepted:{_listed(never, attempts)}", hint=hint)
    if gone := [one for one in new if one.is_in and not attempts[one.id].kept]:
        hint = (
            "`output.surplus: keep` keeps the pixels of surplus images, and `output.rejects.keep: images` those of "
            "rejected ones, from the start of a run. Nothing was decided."
        )
        raise UsageError(f"{store.location}: {_noun(gone)} without kept pixels:{_listed(gone, attempts)}", hint=hint)


def _refuse_emptying(store: RunStore, state: RunState, new: Sequence[Asked]) -> None:
    if new and state.accepted + sum(1 if one.is_in else -1 for one in new) < 1:
        hint = "Make another run, with other filters or another model. Nothing was decided."
        raise UsageError(f"{store.location}: this would take out every image", hint=hint)


def _noun(found: Sequence[Asked]) -> str:
    return "image" if len(found) == 1 else f"{len(found):,} images"


def _listed(found: Sequence[Asked], attempts: Mapping[str, CommittedAttempt] | None = None) -> str:
    """Name up to ten images, each with its place and its outcome."""
    outcomes = [f": {attempts[one.id].outcome}" if attempts else "" for one in found[:_SHOWN]]
    named = [f"{one}{outcome}" for one, outcome in zip(found, outcomes, strict=False)]
    more = [f"and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else []
    return f" {named[0]}" if len(found) == 1 else "".join(f"\n  {line}" for line in [*named, *more])
