"""The images of a dataset that synthgen wrote as Parquet, as they are in it: same ids, splits, types and order."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from synthgen.dataset.columns import features_of
from synthgen.dataset.formats.parquet import is_parquet_of_dataset
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.order import LabelRuns
from synthgen.dataset.pictures import digests_of
from synthgen.dataset.select import Selection
from synthgen.dataset.summary import DatasetSummary, read_summary, refuse_damaged
from synthgen.errors import StorageError
from synthgen.files import refuse_links
from synthgen.ledger.columns import ImageRow
from synthgen.ledger.source import batches, pixel_bytes, schema_of

if TYPE_CHECKING:
    from datasets import Features


class DatasetImages(SelectedImages):
    """The images of a dataset.

    Attributes:
        features: the types of the columns, as `datasets` knows them.
        selection: all images, each in its split.
        runs: how long images of one class follow each other in each split.
        size: of all pictures, in bytes.
    """

    def __init__(self, folder: Path, summary: DatasetSummary) -> None:
        """Read which image is in which split.

        Args:
            summary: of the dataset in `folder`, which has Parquet.

        Raises:
            StorageError: a file is damaged.
        """
        parts = {split.name: [*filter(is_parquet_of_dataset, split.files)] for split in summary.splits}
        self._files = {split: [folder / name for name in names] for split, names in parts.items()}
        files = [file for each in self._files.values() for file in each]
        classes = tuple(summary.classes)
        schemas = [schema_of(file).remove_metadata() for file in files]
        if not files or any(each != schemas[0] for each in schemas):
            what = f"{folder} has {'files with different columns' if files else 'no images'}"
            raise StorageError(what, hint="Write the dataset again.")
        self.features: Features = features_of(schemas[0], classes)
        self.schema: pa.Schema = self.features.arrow_schema
        self.size, self.count = pixel_bytes(files), 0
        self.selection = self._selected(classes)
        self.runs: Mapping[str, LabelRuns] = {
            split.name: split.label_runs for split in summary.splits if split.label_runs is not None
        }

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield some rows at a time: see `SelectedImages`."""
        self.count = 0
        for split, files in self._files.items():
            for file in files:
                for rows in batches(file):
                    self.count += rows.num_rows
                    yield split, rows.cast(self.schema)

    def rows(self) -> Iterator[tuple[str, ImageRow]]:
        """Yield one row at a time: see `SelectedImages`."""
        for split, batch in self.batches():
            for row in batch.to_pylist():
                yield split, cast("ImageRow", row)

    def _selected(self, classes: tuple[str, ...]) -> Selection:
        split_of: dict[str, str] = {}
        counts: Counter[tuple[str, str]] = Counter()
        for split, files in self._files.items():
            for file in files:
                for rows in batches(file, ["id", "label"]):
                    split_of |= dict.fromkeys(rows["id"].to_pylist(), split)
                    counts.update((split, classes[label]) for label in rows["label"].to_pylist())
        return Selection(classes, tuple(self._files), split_of, counts)


def check_dataset(folder: Path) -> None:
    """Compare the files of a folder with what synthgen wrote, if it did.

    Raises:
        StorageError: one is missing, or something else now.
    """
    refuse_damaged(folder)
    if (summary := read_summary(folder)) is not None:
        check_files(folder, summary)


def check_files(folder: Path, summary: DatasetSummary) -> None:
    """Compare all files with what was written.

    Raises:
        StorageError: one is something else now.
    """
    names = list(dict.fromkeys([*(name for split in summary.splits for name in split.files), *summary.digests]))
    for name in names:
        refuse_links(folder, folder / name)
    for name, digest in zip(names, digests_of([folder / name for name in names]), strict=True):
        if summary.digests.get(name) != digest:
            what = f"{folder / name} is damaged: its sha256 is not the one that it was written with"
            raise StorageError(what, hint="Write the dataset again, or fetch it again from where it came from.")
