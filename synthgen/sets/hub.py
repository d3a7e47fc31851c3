"""Hugging Face datasets, saved or on the hub, downloaded or streamed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa

from synthgen.errors import StorageError, UsageError
from synthgen.images import LeftOut
from synthgen.sets.features import columns_of, encoded
from synthgen.sets.hub_files import HubFiles
from synthgen.sets.image_set import BATCH, lacking
from synthgen.sets.joining import join, shared_columns
from synthgen.sets.own_folder import Opener
from synthgen.sets.reading import reading

Split: TypeAlias = Any
"""A `Dataset` or an `IterableDataset`: `Any`, since `datasets` has no types, and the two share no base."""

STREAM_FROM = 2 * 10**9
"""From this many bytes of download on, a set is streamed."""

WHOLE = "Is it whole? If a newer `datasets` saved it, save it again with an older one, or as Parquet."
"""What to do about a saved dataset that `datasets` cannot open."""

_FIRST_ROWS = 5
_HINT = "Name one of its splits with `split`."


class HubSet:
    """An `ImageSet` of the splits of a `Dataset` or `IterableDataset`, one after the other.

    Args:
        opener: opens images that are paths; by default, only files of the hub's repository `name`.
        unknown: columns that cannot be read, with their types, which `datasets` does not know.

    Raises:
        UsageError: the splits have different columns.
    """

    def __init__(
        self,
        name: str,
        source: str,
        splits: Mapping[str, Split],
        opener: Opener | None = None,
        unknown: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.source, self._opener, self._unknown = name, source, opener or HubFiles(name), unknown or {}
        read = {split: _readable(part, self._unknown) for split, part in splits.items()}
        known = {split: _typed(part) for split, part in read.items()}
        self._parts = [columns_of(f"split {split!r} of {name}", each.features) for split, each in known.items()]
        shared, notes = shared_columns(self._parts, _HINT)
        self._image = next((part.image for part in self._parts if part.image), None)
        self._names = tuple(known)
        self._splits = [_undecoded(each, self._image) for each in known.values()]
        self.columns = (*(name for name in shared if name != self._image), *self._unknown)
        self.label_columns = tuple(name for name in self.columns if any(name in part.names for part in self._parts))
        self.has_images = self._image is not None
        notes += [
            f"column {name!r} has the unknown type {kind!r}: it is not read" for name, kind in self._unknown.items()
        ]
        self.notes: tuple[str, ...] = tuple(notes)

    @property
    def lengths(self) -> Mapping[str, int] | None:
        """The number of rows of each split; None if a stream does not know it."""
        if not all(hasattr(split, "num_rows") for split in self._splits):
            return None
        return {name: split.num_rows for name, split in zip(self._names, self._splits, strict=True)}

    def numbered(self, column: str) -> list[tuple[str, tuple[str, ...]]]:
        """Return where each part is that numbers the classes of a column, and these in the order of their numbers."""
        return [(part.place, part.names[column]) for part in self._parts if column in part.names]

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        if name := next((name for name in columns if name in self._unknown), None):
            kind = self._unknown[name]
            what = f"{self.source}: column {name!r} has the feature type {kind!r}, which `datasets` does not know here"
            raise StorageError(what, hint=WHOLE)
        with reading(self.name):
            frames = [_frame(each, list(columns)) for each in self._splits]
        return join(zip(self._parts, frames, strict=True), columns, _HINT)

    def arrow(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Read columns as they are stored, at most `BATCH` rows at a time."""
        with reading(self.name):
            for split in self._splits:
                yield from split.select_columns(list(columns)).with_format("arrow").iter(BATCH)

    def arrow_types(self, column: str) -> list[pa.DataType]:
        """Return the types that a column has in the splits."""
        return [part.types[column] for part in self._parts]

    def images(self) -> Iterator[list[bytes | LeftOut]]:
        if self._image is None:
            return
        with reading(self.name):
            for split in self._splits:
                for batch in split.select_columns([self._image]).iter(BATCH):
                    yield [encoded(value, self._opener) for value in batch[self._image]]

    def some(self, rows: Sequence[int]) -> list[bytes | LeftOut]:
        return [] if self._image is None else self.pictures(self._image, rows)

    def pictures(self, column: str, rows: Sequence[int]) -> list[bytes | LeftOut]:
        there = [name for name in (*self.columns, self._image) if name is not None and name not in self._unknown]
        if column not in there:
            raise lacking(self.source, column, there)
        wanted, start = set(rows), 0
        found: list[bytes | LeftOut] = []
        for split in self._splits if column == self._image else [_undecoded(each, column) for each in self._splits]:
            if hasattr(split, "num_rows"):
                here = [row - start for row in rows if start <= row < start + split.num_rows]
                for first in range(0, len(here), BATCH):
                    few = split.select(here[first : first + BATCH])
                    found += [encoded(value, self._opener) for value in few[column][:]]
                start += split.num_rows
                continue
            for batch in split.select_columns([column]).iter(BATCH):
                images = batch[column]
                found += [encoded(value, self._opener) for row, value in enumerate(images, start) if row in wanted]
                start += len(images)
        return found


def read_hub(name: str, split: str | None = None) -> HubSet:
    """Open a dataset of the hub. A large one is streamed.

    Raises:
        UsageError: there is no such dataset or split, or it has several configurations.
        StorageError: it cannot be downloaded.
    """
    from datasets import load_dataset, load_dataset_builder
    from datasets.exceptions import DatasetNotFoundError

    try:
        with reading(name):
            builder = load_dataset_builder(name)
            HubFiles(name).check(builder.config.data_files or {})
            large = (builder.info.download_size or STREAM_FROM) >= STREAM_FROM
            found = load_dataset(name, streaming=large)
    except DatasetNotFoundError as error:
        hint = "Expected a run, a dataset, a Parquet file, an image folder or a CSV; or an id such as owner/name."
        raise UsageError(
            f"{name}: there is no such file or folder here, and no such dataset on the hub", hint=hint
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{name}: {str(error).splitlines()[0]}", hint="Download the part to audit, and name its folder."
        ) from error

    how = ", streamed" if large else ""
    return HubSet(name, f"the hub's dataset {name}{how}", choose_splits(found, split, name), HubFiles(name))


def choose_splits(found: Split | dict[str, Split], split: str | None, where: str) -> dict[str, Split]:
    """Return the splits by name; only one of them if `split` names it.

    Raises:
        UsageError: there is no such split.
    """
    splits = dict(found) if isinstance(found, dict) else {str(found.split or "all"): found}
    if not splits:
        raise UsageError(f"{where} has no splits", hint="Expected a split or more, with a row for each image.")
    if split is None:
        return splits
    if split not in splits:
        raise UsageError(f"{where} has no split {split!r}", argument="split", hint=f"It has {', '.join(splits)}.")
    return {split: splits[split]}


def _typed(split: Split) -> Split:
    """Give a stream that does not declare the types of its columns those of its first rows."""
    from datasets import Dataset

    if split.features is not None:
        return split
    rows = list(split.with_format(None).take(_FIRST_ROWS))
    columns = dict.fromkeys(name for row in rows for name in row)
    first = Dataset.from_dict({name: [row.get(name) for row in rows] for name in columns})
    return split.cast(first.features)


def _readable(split: Split, unknown: Mapping[str, str]) -> Split:
    """Leave out the columns whose type is unknown in some split.

    A stream without such columns is returned as it is: removing nothing would lose the types of its columns.
    """
    there = [name for name in unknown if name in (split.column_names or ())]
    return split.remove_columns(there) if there else split


def _undecoded(split: Split, image: str | None) -> Split:
    """Remove the format, and the types that fetch or decode what a row names whenever it is read."""
    from datasets import Image

    split = split.with_format(None)
    if image is not None:
        split = split.cast_column(image, Image(decode=False))
    return split if hasattr(split, "num_rows") else split.decode(False)


def _frame(split: Split, columns: list[str]) -> pd.DataFrame:
    """Read columns of a split, without its images."""
    chosen = split.select_columns(columns)
    if hasattr(split, "num_rows"):
        frame: pd.DataFrame = chosen.to_pandas() if columns else pd.DataFrame(index=range(len(split)))
        return frame
    if not columns:
        return pd.DataFrame(index=range(sum(1 for _ in split)))
    return pd.DataFrame(list(chosen), columns=columns)
