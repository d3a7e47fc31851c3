"""The one place where pictures are finished, between reading and the format: encoded, then marked, then signed.

The shards of a run keep their lossless pictures. What comes out here goes into the dataset.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Generic, TypeAlias, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc

from synthgen.cores import cores
from synthgen.dataset.encoding import ENDINGS, SIGNATURES, Encoding, encode, known_format
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.turned_masks import MASK_COLUMNS, turned_masks
from synthgen.errors import StorageError
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.images import LeftOut, is_upright
from synthgen.ledger.columns import ImageRow
from synthgen.ledger.source import Source, digest_of
from synthgen.store import faults

T = TypeVar("T")

Step: TypeAlias = Callable[[pa.Array, pa.RecordBatch], pa.Array]
"""Changes encoded pictures, such as by a mark in their metadata, and keeps their format and the type of the array.

It gets the bytes of some pictures and the columns `FACTS` of their rows, in several threads at once.
"""
FACTS: Final = ("id", "prompt", "negative_prompt", "seed")

_BYTES: Final = 128 * 2**20
"""Of pictures that wait, for a thread or for the format: at most so many, and two pieces."""
_PIECE_BYTES: Final = 16 * 2**20
_TASK_BYTES: Final = 2**21
"""Small pictures are finished some at a time: to hand each to a thread would take longer than to finish it."""
_TASKS: Final = 8
"""Tasks that wait, for each thread: enough to keep it busy while the format writes."""


class PictureFinisher:
    """Finishes the pictures of rows, in order, by as many threads as there are cores.

    Memory does not grow with their number.

    Attributes:
        encoded: how many pictures were encoded again; the others are as they were.
    """

    def __init__(self, encoding: Encoding, steps: Sequence[Step] = (), *, upright: bool = False) -> None:
        """Prepare to finish pictures.

        Args:
            steps: what becomes of a picture once it is encoded, in this order.
            upright: encode again what is only upright once it is turned as its EXIF says.
        """
        self._encoding, self._steps, self._upright = encoding, tuple(steps), upright
        self.encoded = 0

    def finished(self, rows: Iterator[tuple[T, pa.RecordBatch]]) -> Iterator[tuple[T, pa.RecordBatch]]:
        """Yield the rows with finished pictures, each batch with what came with it.

        Raises:
            StorageError: a picture cannot be decoded.
            UsageError: a picture is turned, and its mask has another size.
        """
        self.encoded, threads = 0, cores()
        waiting: deque[_Piece[T]] = deque()
        pool = ThreadPoolExecutor(threads, "pictures")
        try:
            for key, batch in rows:
                for part in _parts(batch):
                    waiting.append(self._begun(pool, key, part))
                    while len(waiting) > 2 and _are_many(waiting, threads):
                        yield from self._ended(waiting.popleft())
            while waiting:
                yield from self._ended(waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def rows(
        self, rows: Iterator[pa.RecordBatch], on_progress: OnProgress = ignore, total: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Do what `finished` does, and report how many of `total` pictures are finished."""
        done = 0
        for _, batch in self.finished((None, batch) for batch in rows):
            yield batch
            done += batch.num_rows
            on_progress(StepProgress("encoding the pictures", "images", done, total))

    def _begun(self, pool: ThreadPoolExecutor, key: T, rows: pa.RecordBatch) -> "_Piece[T]":
        images, others = rows["image"], rows.drop_columns(["image"])
        if not self._steps and self._stay(images):
            return _Piece(key, rows, (), rows.nbytes)
        facts = others.select([name for name in FACTS if name in others.schema.names])
        many = max(1, _TASK_BYTES * rows.num_rows // max(1, images.nbytes))
        masks = others.select([name for name in MASK_COLUMNS if name in others.schema.names])
        work = [
            pool.submit(self._pictures, images.slice(first, many), facts.slice(first, many), masks.slice(first, many))
            for first in range(0, rows.num_rows, many)
        ]
        return _Piece(key, others, tuple(work), images.nbytes, rows.schema)

    def _stay(self, images: pa.StructArray) -> bool:
        """Whether none of them is to be encoded, which is seen at once: most runs have PNGs and want PNGs."""
        if self._upright:
            return False  # each has to be looked at
        if self._encoding.format is None:
            return True
        if self._encoding.quality is not None or self._encoding.format not in SIGNATURES:
            return False
        begins = pc.starts_with(images.field("bytes"), SIGNATURES[self._encoding.format])
        return bool(pc.all(begins).as_py())

    def _pictures(self, images: pa.StructArray, facts: pa.RecordBatch, masks: pa.RecordBatch) -> "_Finished":
        """Finish some pictures, and turn the masks of those that are turned."""
        data, paths, encoded = images.field("bytes"), images.field("path"), 0
        columns: dict[str, pa.Array] = {}
        if not self._stay(images):
            before = data.to_pylist()
            several = zip(before, paths.to_pylist(), facts["id"].to_pylist(), strict=True)
            done = [self._picture(*one) for one in several]
            data = pa.array([one.data for one in done], data.type)
            paths = pa.array([one.path for one in done], paths.type)
            encoded = sum(one.is_new for one in done)
            if masks.num_columns:
                new = {row: old for row, (old, one) in enumerate(zip(before, done, strict=True)) if one.is_new}
                turned = {row: old for row, old in new.items() if not is_upright(old)}
                columns = {name: turned_masks(masks[name], turned, facts["id"]) for name in masks.schema.names}
        for step in self._steps:
            data = step(data, facts)
        return _Finished(pa.StructArray.from_arrays([data, paths], fields=[*images.type]), columns, encoded)

    def _picture(self, data: bytes, path: str | None, image_id: object) -> "_Picture":
        new = encode(data, self._encoding, upright=self._upright)
        if isinstance(new, LeftOut):
            doing = f"encoded as {self._encoding}" if self._encoding.format else "turned upright"
            what = f"the image {image_id} cannot be {doing}: {new.detail or new.reason}"
            raise StorageError(what, hint="Put an intact picture in its place, or take the image out.")
        is_new, form = new is not data, known_format(new)
        if is_new and path is not None and form is not None:
            path = str(PurePosixPath(path).with_suffix(ENDINGS[form]))
        return _Picture(new, path, is_new)

    def _ended(self, piece: "_Piece[T]") -> Iterator[tuple[T, pa.RecordBatch]]:
        """Wait for the pictures of a piece, and yield its rows with them."""
        if piece.schema is None:
            yield piece.key, piece.rows
            return
        start = 0
        for task in piece.work:
            done = task.result()
            self.encoded += done.encoded
            rows = piece.rows.slice(start, len(done.images))
            start += len(done.images)
            new = {"image": done.images, **done.masks}
            columns = [new[name] if name in new else rows[name] for name in piece.schema.names]
            yield piece.key, pa.RecordBatch.from_arrays(columns, schema=piece.schema)


class FinishedImages(SelectedImages):
    """The images of a selection as the dataset gets them, in the same order."""

    def __init__(
        self,
        images: SelectedImages,
        finisher: PictureFinisher | None,
        on_progress: OnProgress = ignore,
        total: int | None = None,
    ) -> None:
        """Prepare to finish `images`.

        Args:
            finisher: None if their pictures are finished already.
            on_progress: hears how many of `total` pictures went to the format.
        """
        self._images, self._finisher = images, finisher
        self._on_progress, self._total = on_progress, total
        self.schema, self.count = images.schema, 0

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield some rows at a time: see `SelectedImages`.

        Raises:
            StorageError: the rows cannot be read, or a picture cannot be decoded.
        """
        self.count = 0
        batches = self._images.batches()
        for split, rows in self._finisher.finished(batches) if self._finisher is not None else batches:
            faults.reach("dataset-half-written")
            self.count += rows.num_rows
            yield split, rows
            self._on_progress(StepProgress("writing the dataset", "images", self.count, self._total))

    def rows(self) -> Iterator[tuple[str, ImageRow]]:
        """Yield one row at a time: see `SelectedImages`."""
        for split, batch in self.batches():
            for row in batch.to_pylist():
                yield split, cast("ImageRow", row)


@dataclass(frozen=True, slots=True)
class _Picture:
    """An encoded picture."""

    data: bytes
    path: str | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Finished:
    """Some pictures, with the columns of masks if there are some.

    Attributes:
        encoded: how many pictures were encoded.
    """

    images: pa.StructArray
    masks: Mapping[str, pa.Array]
    encoded: int


@dataclass(frozen=True, slots=True)
class _Piece(Generic[T]):
    """Some rows that wait for the format.

    Attributes:
        rows: with their pictures if these stay as they are, else without.
        work: the tasks that finish its pictures.
        size: of the pictures, in bytes, before they are finished.
        schema: of the rows with their pictures; None if these stay as they are.
    """

    key: T
    rows: pa.RecordBatch
    work: "tuple[Future[_Finished], ...]"
    size: int
    schema: pa.Schema | None = None


def _parts(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut rows with large pictures into pieces of some megabytes."""
    many = max(1, int(rows.num_rows * _PIECE_BYTES / max(1, rows.nbytes)))
    return (rows.slice(first, many) for first in range(0, rows.num_rows, many))


def _are_many(waiting: "deque[_Piece[T]]", threads: int) -> bool:
    tasks, size = sum(len(piece.work) for piece in waiting), sum(piece.size for piece in waiting)
    return tasks > _TASKS * threads or size > _BYTES or not tasks


def digests_of(sources: Sequence[Source]) -> list[str]:
    """sha256 of each file, in hex, by as many threads as there are cores."""
    with ThreadPoolExecutor(cores(), "digests") as pool:
        return list(pool.map(digest_of, sources))
