"""The journal of a shard: its batches, kept until it is committed, so that a stop loses none of them.

A part of the journal holds rendered batches as pixels. Whoever makes the shard next renders only what follows: the
pixels are judged again, so that verdicts, quotas and duplicates come out as they would have without a stop.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import cast

from synthgen.errors import StorageError
from synthgen.files import as_damage
from synthgen.records import Candidate, Failure, Judged, Rendered
from synthgen.running.shard.encode import Pixels, decoded, png
from synthgen.running.shard.journal_rows import (
    JournalRow,
    as_carried,
    as_judged,
    as_look,
    counted,
    read_carried,
    read_look,
    schema,
    written_now,
)
from synthgen.running.shard.marker import read_marker
from synthgen.seal import seal, unseal
from synthgen.store import faults, layout
from synthgen.store.store import RunStore

_LOG = logging.getLogger(__name__)
SECONDS = "SYNTHGEN_JOURNAL_SECONDS"
"""The environment variable that says how often a part is written."""
_SECONDS, _BYTES = 60.0, 256 * 2**20
"""A part is written when it is so old, or so many bytes of pixels are in memory for it."""
FACTS = b"synthgen"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a journal: the attempts from `first` on, `count` of them.

    Attributes:
        seconds: the time that they took.
        provenance: what made them.
        counts: attempts by verdict, as they were judged then; empty in parts of earlier versions.
        written: when, in UTC; empty in parts of earlier versions.
    """

    name: str
    first: int
    count: int
    seconds: float
    provenance: Mapping[str, str]
    counts: Mapping[str, int]
    written: str


@dataclass(slots=True)
class Journal:
    """The batches of one shard: first those that an earlier worker kept, then those of this one.

    Attributes:
        largest: a batch has no more attempts; one that claims to have more ends the kept ones.
        seconds: the time that was spent on the kept batches that were used.
        provenance: what made those.
        used: how many attempts were used again.
        in_parallel: maps the encoding of pixels, in their order.
    """

    store: RunStore
    shard: int
    fingerprint: str
    largest: int
    seconds: float = 0.0
    provenance: dict[str, list[str]] = field(default_factory=dict)
    used: int = 0
    in_parallel: Callable[..., Iterable[bytes | None]] = map
    _kept: Iterator[list[JournalRow]] | None = None
    _next: list[JournalRow] | None = None
    _rows: list[JournalRow] = field(default_factory=list)
    _first: int = 0
    _bytes: int = 0
    _since: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._kept = self._read()

    def size_of_next(self) -> int:
        """How many attempts the next kept batch has; 0 if none is left."""
        if self._next is None and self._kept is not None:
            self._next = next(self._kept, None)
            if self._next is not None and len(self._next) > self.largest:
                self._next = None
            self._kept = None if self._next is None else self._kept
        return len(self._next) if self._next is not None else 0

    def take(self, candidates: Sequence[Candidate]) -> list[Rendered] | None:
        """Return the next kept batch as it was rendered; None if it is not of these candidates, or is damaged.

        In that case nothing else that was kept is used.
        """
        rows, self._next = self._next, None
        assert rows is not None, "there is a kept batch"
        asked = [(one.id, one.prompt, one.seed) for one in candidates]
        try:
            if [(row["id"], row["prompt"], row["seed"]) for row in rows] == asked:
                found = [_rendered(row, candidate) for row, candidate in zip(rows, candidates, strict=True)]
                self.used += len(found)
                return found
        except ValueError:
            _LOG.warning(
                "%s: a journal of shard %d is damaged; what follows is made again", self.store.location, self.shard
            )
        self._kept = None
        return None

    def add(self, batch: Sequence[Judged], images: Mapping[int, bytes | Pixels], provenance: Mapping[str, str]) -> None:
        """Keep a batch that was just made, and write what has come together if it is time.

        Args:
            images: by attempt, as PNG or as pixels, which are encoded only when a part is written.

        Raises:
            StorageError: it cannot be written.
        """
        if not self._rows:
            self._first, self._since = batch[0].rendered.candidate.attempt, time.monotonic()
        number = self._rows[-1]["batch"] + 1 if self._rows else 0
        self._rows += [_row(number, judged, images.get(judged.rendered.candidate.attempt)) for judged in batch]
        self._bytes += sum(len(each) if isinstance(each, bytes) else each.nbytes for each in images.values())
        if self._bytes >= _BYTES or time.monotonic() - self._since >= _interval():
            self.write(provenance)

    def write(self, provenance: Mapping[str, str]) -> None:
        """Write what was added since the last part.

        Raises:
            StorageError: it cannot be written.
        """
        if not self._rows:
            return
        rows, self._rows, self._bytes = self._rows, [], 0
        facts = {
            "fingerprint": self.fingerprint,
            "first": self._first,
            "count": len(rows),
            "seconds": sum(row["seconds"] for row in rows),
            "provenance": dict(provenance),
            "counts": counted(row["judged"] for row in rows),
            "written": written_now(),
        }
        encoded: list[JournalRow] = []
        for row, image in zip(rows, self.in_parallel(_encoded, [row["image"] for row in rows]), strict=True):
            encoded.append({**row, "image": image})
        _write(self.store, layout.new_name(layout.JOURNAL, self.shard, "parquet"), encoded, facts)
        faults.reach("journal-written")
        if read_marker(self.store, self.shard, self.fingerprint) is not None:
            self.clear()  # another worker committed the shard, and may have cleared the journal before this part came

    def clear(self) -> None:
        """Delete every part of this shard: it is committed."""
        for name in _names(self.store, self.shard):
            self.store.delete(name)

    def _read(self) -> Iterator[list[JournalRow]]:
        """Yield the kept batches, from the first attempt on, as far as they follow each other without a gap."""
        for part in chain(parts_of(self.store, self.shard, self.fingerprint)):
            try:
                yield from batches(self.store, part.name)
            except StorageError as error:  # damaged, or deleted by whoever committed the shard meanwhile
                _LOG.warning("%s; what follows is made again", error.message)
                return
            self.seconds += part.seconds
            for key, value in part.provenance.items():
                self.provenance.setdefault(key, []).append(value)


def journalled(store: RunStore) -> dict[int, list[str]]:
    """List the parts of journals by shard, whether or not they can be read."""
    found: dict[int, list[str]] = {}
    for name in store.names(layout.JOURNAL):
        if (shard := layout.shard_of_journal(name)) is not None:
            found.setdefault(shard, []).append(name)
    return found


def _names(store: RunStore, shard: int) -> list[str]:
    return journalled(store).get(shard, [])


def parts_of(store: RunStore, shard: int, fingerprint: str) -> list[Part]:
    """Read what the parts say of themselves; those that are of another plan, or cannot be read, are passed over."""
    import pyarrow.parquet as pq

    found = []
    for name in _names(store, shard):
        with suppress(StorageError), store.open(name) as file, as_damage(f"{store.location}/{name}"):
            facts, _ = unseal((pq.ParquetFile(file).schema_arrow.metadata or {})[FACTS].decode())
            if facts["fingerprint"] == fingerprint:
                first, count, seconds = int(facts["first"]), int(facts["count"]), float(facts["seconds"])
                made_by = {str(key): str(value) for key, value in facts["provenance"].items()}
                counts = {str(key): int(value) for key, value in facts.get("counts", {}).items()}
                found.append(Part(name, first, count, seconds, made_by, counts, str(facts.get("written", ""))))
    return found


def chain(parts: Sequence[Part]) -> Iterator[Part]:
    """Yield parts that follow each other from the first attempt on; of several, the longest."""
    at = 0
    while following := [part for part in parts if part.first == at and part.count > 0]:
        part = max(following, key=lambda each: each.count)
        yield part
        at += part.count


def batches(store: RunStore, name: str) -> Iterator[list[JournalRow]]:
    """Yield the batches of a part.

    Raises:
        StorageError: it is damaged or gone.
    """
    import pyarrow.parquet as pq

    with store.open(name) as file, as_damage(f"{store.location}/{name}"):
        rows = pq.ParquetFile(file, page_checksum_verification=True).read().to_pylist()
    for _, batch in groupby(cast("list[JournalRow]", rows), key=lambda row: row["batch"]):
        yield list(batch)


def _write(store: RunStore, name: str, rows: Sequence[JournalRow], facts: Mapping[str, object]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    own = schema().with_metadata({FACTS: seal(json.dumps(facts, indent=1))})
    table = pa.Table.from_pylist(rows, schema=own)
    with store.write(name) as file:
        pq.write_table(table, file, compression="none", use_dictionary=False, write_page_checksum=True)


def _encoded(image: bytes | Pixels | None) -> bytes | None:
    return image if image is None or isinstance(image, bytes) else png(image)


def _row(batch: int, judged: Judged, image: bytes | Pixels | None) -> JournalRow:
    rendered = judged.rendered
    candidate, failure = rendered.candidate, rendered.failure
    return {
        "batch": batch,
        "id": candidate.id,
        "prompt": candidate.prompt,
        "seed": candidate.seed,
        "seconds": rendered.seconds,
        "batch_size": rendered.batch_size,
        "failure": failure.kind if failure else None,
        "message": failure.message if failure else None,
        "image": image,
        **as_carried(rendered.carried),
        **as_look(rendered.early),
        "judged": as_judged(judged),
    }


def _rendered(row: JournalRow, candidate: Candidate) -> Rendered:
    """Make of a row what the generator gave.

    Raises:
        ValueError: it has neither an image nor a failure, or the image cannot be decoded.
    """
    import numpy as np
    import torch

    seconds, size = row["seconds"], row["batch_size"]
    if row["failure"] is not None:
        failure = Failure(row["failure"], row["message"] or "")
        return Rendered(candidate, None, failure, seconds, size, early=read_look(row))
    look = read_look(row)
    if look is not None and look.stops:
        return Rendered(candidate, None, None, seconds, size, early=look)
    if not isinstance(row["image"], bytes):
        raise ValueError("it has no image")
    pixels = torch.from_numpy(np.array(decoded(row["image"]))).permute(2, 0, 1).contiguous()
    return Rendered(candidate, pixels, None, seconds, size, read_carried(row), look)


def _interval() -> float:
    try:
        return float(os.environ.get(SECONDS, _SECONDS))
    except ValueError:
        return _SECONDS
