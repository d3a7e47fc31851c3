"""What the decisions of a run come to, now that its shards hold what they hold."""

from collections.abc import Mapping

from synthgen.ledger.review import NO_REVIEW, Review, Word
from synthgen.planning import Plan
from synthgen.records import ShardRecord, Verdict
from synthgen.running.attempts import find_attempts, shard_of
from synthgen.running.decisions import read_decisions, words_of
from synthgen.store.store import RunStore


def read_review(plan: Plan, store: RunStore, done: Mapping[int, ShardRecord]) -> Review:
    """Read what the decisions come to for these committed shards. A run without decisions costs one listing.

    Raises:
        StorageError: a decision is damaged, or a ledger cannot be read.
    """
    words = words_of(read_decisions(store))
    if not words:
        return NO_REVIEW
    there = find_attempts(plan, store, done, words)
    excluded: dict[str, Word] = {}
    included: dict[str, Word] = {}
    barred: set[str] = set()
    void: list[str] = []

    for image_id, word in sorted(words.items()):
        attempt = there.get(image_id)
        if attempt is None:
            void += [image_id] if shard_of(image_id) in done else []  # others may be made yet
        elif attempt.verdict is Verdict.ACCEPTED:
            excluded |= {} if word.is_in else {image_id: word}
        elif not word.is_in:
            barred.add(image_id)
        elif attempt.kept:
            included[image_id] = word
        else:
            void.append(image_id)
    cells = {image_id: there[image_id].cell for image_id in (*excluded, *included)}
    return Review(excluded, included, cells, frozenset(barred), tuple(void))
