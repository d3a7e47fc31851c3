"""`ShardWriter`: the two tables of one shard, and the commit that makes them part of the run."""

import logging
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from synthgen.cores import cores
from synthgen.errors import StorageError
from synthgen.ledger.rows import image_row, images_schema, ledger_row, ledger_schema, reason
from synthgen.ledger.table import TableFile
from synthgen.planning import Plan
from synthgen.records import Judged, ShardRecord, Shortfall, Verdict
from synthgen.running.shard.encode import Pixels, png, thumbnail, to_host
from synthgen.running.shard.journal import Journal
from synthgen.running.shard.marker import create_marker
from synthgen.store import faults, layout
from synthgen.store.store import RunStore

_LOG = logging.getLogger(__name__)
_BYTES_AHEAD = 256 * 2**20
"""How many bytes of pixels may wait to be encoded before the generator has to wait: a bound on memory."""


@dataclass(frozen=True, slots=True)
class _Encoded:
    """What the tables and the journal get of an image.

    Attributes:
        small: the thumbnail; None where the spec keeps none.
        full: the lossless image; None where the spec keeps none.
        pixels: the journal's, where there is no lossless image.
    """

    small: bytes | None
    full: bytes | None
    pixels: Pixels


class ShardWriter:
    """Takes judged images in the order of attempts. Threads encode them beside the denoiser, and one writes them.

    A context manager: what was not committed within the block is deleted after it, except for the journal, which then
    gets everything that was added.

    Args:
        provenance: what makes the images, as the journal keeps it.
    """

    def __init__(
        self,
        plan: Plan,
        store: RunStore,
        shard: int,
        score_names: Sequence[str],
        journal: Journal,
        provenance: Callable[[], Mapping[str, str]],
    ) -> None:
        self._journal, self._provenance = journal, provenance
        self._plan, self._store, self._shard, self._score_names = plan, store, shard, score_names
        output = plan.spec.output
        self._keep: dict[Verdict, str] = dict.fromkeys(Verdict, output.rejects.keep)
        self._keep[Verdict.ACCEPTED] = "images"
        if output.surplus == "keep":
            self._keep[Verdict.SURPLUS] = "images"
        self._files = ExitStack()
        self._encoders = ThreadPoolExecutor(cores(), thread_name_prefix="encoder")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shard-writer")
        self._pending: deque[tuple[Future[None], int]] = deque()  # batches, with the bytes of their pixels
        self._waiting = 0
        journal.in_parallel = self._encoders.map
        self._counts: Counter[str] = Counter()
        self._by_class: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._reasons: Counter[str] = Counter()

    def __enter__(self) -> Self:
        spec, shard, kept = self._plan.spec, self._shard, self._plan.sources.kept if self._plan.sources else {}
        self._images_name = layout.new_name(layout.IMAGES, shard, "parquet")
        self._ledger_name = layout.new_name(layout.LEDGER, shard, "parquet")
        with ExitStack() as files:
            images = files.enter_context(self._store.write(self._images_name))
            self._images = TableFile(images, images_schema(spec, self._score_names, kept))
            files.callback(self._images.abandon)
            ledger = files.enter_context(self._store.write(self._ledger_name))
            self._ledger = TableFile(ledger, ledger_schema(spec, self._score_names, kept))
            files.callback(self._ledger.abandon)
            self._files = files.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        given_up = isinstance(error, StorageError)
        self._thread.shutdown(cancel_futures=given_up)
        if error is not None and not given_up:
            self._keep_journal()
        self._encoders.shutdown(cancel_futures=given_up)
        # With the error, the store deletes both files. After a commit there is nothing left to close.
        self._files.__exit__(kind, error, traceback)

    def add(self, batch: Sequence[Judged], *, is_new: bool = True) -> None:
        """Count a batch, and hand it to the threads that encode and write it.

        Args:
            is_new: the journal does not have it yet.

        Raises:
            StorageError: a batch before this one could not be written.
        """
        for judged in batch:
            self._counts[judged.verdict] += 1
            self._by_class[judged.rendered.candidate.class_name][judged.verdict.value] += 1
            if (why := reason(judged)) is not None:
                self._reasons[why] += 1
        images = {
            judged.rendered.candidate.attempt: judged.rendered.image
            for judged in batch
            if judged.rendered.image is not None and (is_new or self._wants_pixels(judged.verdict))
        }
        pixels = dict(zip(images, to_host(list(images.values())), strict=True))
        size = sum(each.nbytes for each in pixels.values())
        while self._pending and (self._pending[0][0].done() or self._waiting + size > _BYTES_AHEAD):
            self._finish_one()
        encoded = {
            judged.rendered.candidate.attempt: self._encoders.submit(self._encode, image, judged.verdict)
            for judged in batch
            if (image := pixels.get(judged.rendered.candidate.attempt)) is not None
        }
        self._pending.append((self._thread.submit(self._write, batch, encoded, is_new), size))
        self._waiting += size

    def commit(
        self, shortfalls: tuple[Shortfall, ...], seconds: float, provenance: Mapping[str, str]
    ) -> ShardRecord | None:
        """Make the shard part of the run; None if another worker was first, and then nothing of this one stays.

        Raises:
            StorageError: it could not be written.
        """
        while self._pending:
            self._finish_one()

        self._images.finish()
        faults.reach("images-finished")
        self._ledger.finish()
        self._files.pop_all().close()
        faults.reach("before-marker")

        record = ShardRecord(
            shard=self._shard,
            fingerprint=self._plan.fingerprint,
            images=self._store.describe(self._images_name),
            ledger=self._store.describe(self._ledger_name),
            counts={verdict.value: self._counts[verdict] for verdict in Verdict},
            reasons=dict(sorted(self._reasons.items())),
            shortfalls=shortfalls,
            seconds=round(seconds, 3),
            provenance=provenance,
            by_class={name: dict(counts) for name, counts in self._by_class.items()},
        )
        # If this raises, the files stay as garbage: the marker may have been created all the same.
        if not create_marker(self._store, record):
            self._store.delete(self._images_name)
            self._store.delete(self._ledger_name)
            self._journal.clear()
            return None
        faults.reach("after-marker")
        self._journal.clear()
        return record

    def _wants_pixels(self, verdict: Verdict) -> bool:
        return self._keep[verdict] != "scores"

    def _keep_journal(self) -> None:
        """Write the rest of the journal. Whatever ended the shard is reported, and not a disk that is full as well."""
        try:
            self._journal.write(self._provenance())
        except StorageError as error:
            _LOG.warning("the batches of shard %d since its last journal are lost: %s", self._shard, error.message)

    def _finish_one(self) -> None:
        """Wait until the first batch that is pending is written."""
        written, size = self._pending.popleft()
        written.result()
        self._waiting -= size

    def _encode(self, pixels: Pixels, verdict: Verdict) -> _Encoded:
        small = thumbnail(pixels) if self._wants_pixels(verdict) else None
        return _Encoded(small, png(pixels) if self._keep[verdict] == "images" else None, pixels)

    def _write(self, batch: Sequence[Judged], encoding: dict[int, Future[_Encoded]], is_new: bool) -> None:
        kept: dict[int, bytes | Pixels] = {}
        for judged in batch:
            attempt, accepted = judged.rendered.candidate.attempt, judged.verdict is Verdict.ACCEPTED
            encoded = encoding.pop(attempt).result() if attempt in encoding else None
            small, full = (encoded.small, encoded.full) if encoded is not None else (None, None)
            if encoded is not None and is_new:
                kept[attempt] = full or encoded.pixels
            if accepted:
                assert full is not None
                self._images.add(image_row(judged, full))
            self._ledger.add(ledger_row(judged, small, None if accepted else full))
        if is_new:
            self._journal.add(batch, kept, self._provenance())
