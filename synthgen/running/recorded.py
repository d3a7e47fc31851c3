"""Recorded attempts, found by their ids: in the ledgers of committed shards, or in the journals of unfinished ones."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from synthgen.errors import UsageError
from synthgen.files import as_damage
from synthgen.ledger.columns import LedgerRow, StoredImage
from synthgen.planning import Plan
from synthgen.records import ShardRecord, Verdict
from synthgen.running.shard.journal import batches, chain, parts_of
from synthgen.running.shard.journal_rows import read_judged
from synthgen.running.shard.marker import read_marker
from synthgen.store.store import RunStore

_ID = re.compile(r"(\d{1,12})-(\d{1,12})")
_NAMED = 5
"""Wrong ids that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where an attempt lies: a file of the run, and a row in it, counted from 0."""

    file: str
    row: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """An attempt as the run has it.

    Attributes:
        row: as in the ledger; of an attempt in a journal, as it was judged then.
        is_judged: whether `row` has a verdict: journals of earlier versions have none.
        ledger: None if its shard is not committed.
        images: of an accepted image in a committed shard.
        journal: of an attempt in an unfinished shard.
        png: its picture; None if there was none, or its pixels were not kept.
    """

    row: LedgerRow
    is_judged: bool
    ledger: RowPlace | None
    images: RowPlace | None
    journal: RowPlace | None
    png: bytes | None


def find_recorded(plan: Plan, store: RunStore, image_ids: Sequence[str]) -> list[Recorded]:
    """Find attempts, in the order in which they were asked for.

    Raises:
        UsageError: the run has no such attempts; the message names those that it has.
        StorageError: a file cannot be read, or is damaged.
    """
    wanted: defaultdict[int, set[int]] = defaultdict(set)
    wrong: dict[str, str] = {}
    for image_id in image_ids:
        numbers = _ID.fullmatch(image_id)
        if numbers is None:
            wrong[image_id] = "is not the id of an attempt"
        elif (full := f"{int(numbers[1]):05d}-{int(numbers[2]):06d}") != image_id:
            wrong[image_id] = f"is not the id of an attempt; did you mean {full}?"
        elif int(numbers[1]) >= plan.shard_count:
            wrong[image_id] = f"is of no shard: the run has shards 0 to {plan.shard_count - 1}"
        else:
            wanted[int(numbers[1])].add(int(numbers[2]))

    found: dict[str, Recorded] = {}
    for shard, attempts in sorted(wanted.items()):
        there, has = _of_shard(plan, store, shard, attempts)
        found |= there
        wrong |= {name: has for one in attempts if (name := f"{shard:05d}-{one:06d}") not in there}
    if wrong:
        raise _unknown(store, {image_id: wrong[image_id] for image_id in image_ids if image_id in wrong})
    return [found[image_id] for image_id in image_ids]


def _unknown(store: RunStore, wrong: Mapping[str, str]) -> UsageError:
    lines = [f"{image_id!r} {why}" for image_id, why in [*wrong.items()][:_NAMED]]
    more = [f"and {len(wrong) - _NAMED} more"] if len(wrong) > _NAMED else []
    hint = "Ids are in the ledger, in the dataset and on the contact sheet, such as 00000-000012."
    message = f"{store.location}: {'; '.join((*lines, *more))}"
    return UsageError(message, argument="image_ids", hint=hint)


def _of_shard(plan: Plan, store: RunStore, shard: int, attempts: set[int]) -> tuple[dict[str, Recorded], str]:
    """Find attempts of one shard, and say what it has, for those that it has not."""
    record = read_marker(store, shard, plan.fingerprint)
    if record is not None:
        found = dict(_committed(store, record, {f"{shard:05d}-{one:06d}" for one in attempts}))
        made = sum(record.counts.values())
        return found, f"was not made: shard {shard} has attempts {shard:05d}-{0:06d} to {shard:05d}-{made - 1:06d}"
    found, kept = {}, 0
    for part in chain(parts_of(store, shard, plan.fingerprint)):
        kept = part.first + part.count
        if any(part.first <= one < kept for one in attempts):
            found |= _journalled(plan, store, part.name, shard, attempts)
    if not kept:
        return found, f"is not kept: shard {shard} is not committed, and has no journal yet"
    return found, f"is not kept: shard {shard} is not committed, and its journal ends with {shard:05d}-{kept - 1:06d}"


def _committed(store: RunStore, record: ShardRecord, ids: set[str]) -> Iterator[tuple[str, Recorded]]:
    rows = dict(_rows(store, record.ledger.name, ids))
    accepted = {image_id for image_id, (_, row) in rows.items() if row.get("verdict") == Verdict.ACCEPTED}
    images = dict(_rows(store, record.images.name, accepted)) if accepted else {}
    for image_id, (number, row) in rows.items():
        place, with_pixels = images.get(image_id, (None, row))
        with as_damage(f"{store.location}/{record.ledger.name}"):
            yield (
                image_id,
                Recorded(
                    row=cast("LedgerRow", row),
                    is_judged=True,
                    ledger=RowPlace(record.ledger.name, number),
                    images=None if place is None else RowPlace(record.images.name, place),
                    journal=None,
                    png=_png(cast("StoredImage | None", with_pixels.get("image"))),
                ),
            )


def _common_negative(plan: Plan) -> str:
    """Return the negative prompt of all images; nothing where classes have their own: a journal names no class."""
    if any(kind.negative_prompt is not None for kind in plan.spec.classes.values()):
        return ""
    return plan.spec.model.negative_prompt or ""


def _png(image: StoredImage | None) -> bytes | None:
    return image["bytes"] if image else None


def _rows(store: RunStore, name: str, ids: Iterable[str]) -> Iterator[tuple[str, tuple[int, Mapping[str, object]]]]:
    """Find rows by their ids, each with its number; only the groups that have one of them are read with pixels."""
    import pyarrow.parquet as pq

    wanted, begin = set(ids), 0
    with store.open(name) as file, as_damage(f"{store.location}/{name}"):
        table = pq.ParquetFile(file)
        for group in range(table.num_row_groups):
            named = table.read_row_group(group, columns=["id"])["id"].to_pylist()
            if here := [place for place, image_id in enumerate(named) if image_id in wanted]:
                rows = table.read_row_group(group).take(here).to_pylist()
                yield from ((row["id"], (begin + place, row)) for place, row in zip(here, rows, strict=True))
            begin += len(named)


def _journalled(plan: Plan, store: RunStore, name: str, shard: int, attempts: set[int]) -> dict[str, Recorded]:
    found: dict[str, Recorded] = {}
    rows = [row for batch in batches(store, name) for row in batch]
    with as_damage(f"{store.location}/{name}"):
        for number, row in enumerate(rows):
            attempt = int(row["id"].partition("-")[2])
            if attempt not in attempts:
                continue
            judged, image = read_judged(row.get("judged")), row["image"]
            bare = {"id": row["id"], "shard": shard, "attempt": attempt, "prompt": row["prompt"], "seed": row["seed"]}
            bare |= {"negative_prompt": _common_negative(plan), "reason": row["failure"]}
            bare |= {key: row[key] for key in ("message", "seconds", "batch_size")}
            found[row["id"]] = Recorded(
                row=judged if judged is not None else cast("LedgerRow", bare),
                is_judged=judged is not None,
                ledger=None,
                images=None,
                journal=RowPlace(name, number),
                png=image if isinstance(image, bytes) else None,
            )
    return found
