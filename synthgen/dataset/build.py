"""A dataset appears: written by a format, with its card and its summary, beside its place and then moved there."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from synthgen.dataset.columns import COLUMNS_VERSION
from synthgen.dataset.contact import SampledImages
from synthgen.dataset.croissant import UNDESCRIBED, Description, write_croissant
from synthgen.dataset.encoding import Encoding
from synthgen.dataset.formats.format import FormatWriter, Manifest, WrittenSplit
from synthgen.dataset.formats.writing import write_in_format
from synthgen.dataset.front_matter import write_folder_card
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.order import LabelRuns
from synthgen.dataset.pictures import FinishedImages, PictureFinisher, Step, digests_of
from synthgen.dataset.provenance import FormatOrigin
from synthgen.dataset.replace import building
from synthgen.dataset.select import Selection
from synthgen.dataset.summary import DatasetSummary, SplitSummary, write_summary
from synthgen.events import OnProgress, ignore
from synthgen.files import sync

WriteCard: TypeAlias = Callable[[Path, DatasetSummary, WrittenSplit | None], None]
"""Writes `README.md` into a folder. It gets a split that `datasets` can read, if there is one."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How a dataset is written.

    Attributes:
        origin: of the format that `writer` is.
        steps: what becomes of each picture once it is encoded.
        upright: whether pictures are encoded again that are only upright once they are turned as their EXIF says.
    """

    writer: FormatWriter
    origin: FormatOrigin
    encoding: Encoding
    steps: Sequence[Step] = ()
    upright: bool = False


def build(
    folder: Path,
    images: SelectedImages,
    selection: Selection,
    writing: Writing,
    *,
    name: str,
    inputs: str,
    write_card: WriteCard,
    runs: Mapping[str, LabelRuns] | None = None,
    description: Description = UNDESCRIBED,
    finished_by: PictureFinisher | None = None,
    own: Collection[str] = (),
    on_progress: OnProgress = ignore,
) -> DatasetSummary:
    """Build a dataset. The folder appears, or replaces an older one, in one step.

    Args:
        inputs: a fingerprint of all that the dataset is made from.
        write_card: writes the card, once the images are there.
        description: what `croissant.json` says of the whole.
        runs: how long images of one class follow each other in each split.
        finished_by: what finishes the pictures while `images` reads them; by default, they are finished here.
        own: files in the folder that synthgen is known to have made.
        on_progress: hears how many images are written.

    Raises:
        UsageError: the format failed, or did not do what it says.
        StorageError: the images cannot be read, or the folder cannot be written.
    """
    with building(folder, own) as new:
        finisher = finished_by or PictureFinisher(writing.encoding, writing.steps, upright=writing.upright)
        finished = FinishedImages(images, None if finished_by else finisher, on_progress, len(selection.split_of))
        sampled = SampledImages(finished, selection.classes)
        manifest = write_in_format(writing.writer, writing.origin, selection, sampled, new)
        summary = DatasetSummary(
            name=name,
            inputs=inputs,
            splits=_splits(selection, manifest, runs or {}, new),
            duplicates=selection.duplicates,
            dropped=selection.dropped,
            digests=_digests(new, manifest.digests),
            format=writing.origin,
            columns=COLUMNS_VERSION,
            encoding=writing.encoding,
            encoded=finisher.encoded,
            grouping=selection.grouping,
            compared=selection.compared,
        )
        sampled.write(new)
        write_card(new, summary, manifest.loaded)
        for below, written in manifest.folders.items():
            # A folder of Parquet alone is read without a card, which would be in the way of pyarrow's own reader.
            if written.loads and not all(file.endswith(".parquet") for file in written.files):
                part = replace(summary, splits=_splits(selection, written, {}, new / below))
                write_folder_card(new / below, below, part, images.schema, written.loaded)
        write_croissant(new, summary, manifest, images.schema, description)
        summary = replace(summary, digests=_digests(new, summary.digests))
        write_summary(summary, new)
    return summary


def _digests(folder: Path, known: Mapping[str, str]) -> dict[str, str]:
    """Return the sha256 of each file of a folder, and flush them to the disk meanwhile."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    new = [name for name in files if name not in known]
    with ThreadPoolExecutor(1, "sync") as pool:
        synced = pool.map(sync, files.values())
        found = {**known, **dict(zip(new, digests_of([files[name] for name in new]), strict=True))}
        assert all(each is None for each in synced)
    return {name: found[name] for name in files}


def _splits(
    selection: Selection, manifest: Manifest, runs: Mapping[str, LabelRuns], folder: Path
) -> tuple[SplitSummary, ...]:
    return tuple(
        SplitSummary(
            name=split,
            rows=manifest.splits[split].rows,
            size=manifest.splits[split].size,
            files={file: (folder / file).stat().st_size for file in manifest.splits[split].files},
            classes={kind: selection.counts.get((split, kind), 0) for kind in selection.classes},
            pattern=manifest.splits[split].pattern,
            label_runs=runs.get(split),
            wanted=selection.wanted.get(split),
            exact=split in selection.exact,
        )
        for split in selection.splits
    )
