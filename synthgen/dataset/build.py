"""A dataset appears: written by a format, with its card and its summary, beside its place and then moved there."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synthgen.dataset.encoding import Encoding
from synthgen.dataset.formats.format import FormatWriter, Manifest
from synthgen.dataset.formats.writing import write_in_format
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.pictures import FinishedImages, Step, digests_of
from synthgen.dataset.provenance import FormatOrigin
from synthgen.dataset.replace import building
from synthgen.dataset.select import Selection
from synthgen.dataset.summary import DatasetSummary, SplitSummary, write_summary
from synthgen.events import OnProgress, ignore


@dataclass(frozen=True, slots=True)
class Writing:
    """How a dataset is written.

    Attributes:
        origin: of the format that `writer` is.
        steps: what becomes of each picture once it is encoded.
    """

    writer: FormatWriter
    origin: FormatOrigin
    encoding: Encoding
    steps: Sequence[Step] = ()


def build(
    folder: Path,
    images: SelectedImages,
    selection: Selection,
    writing: Writing,
    *,
    name: str,
    inputs: str,
    write_card: Callable[[Path, DatasetSummary], None],
    own: Collection[str] = (),
    on_progress: OnProgress = ignore,
) -> DatasetSummary:
    """Build a dataset. The folder appears, or replaces an older one, in one step.

    Args:
        inputs: a fingerprint of all that the dataset is made from.
        write_card: writes `README.md` into a folder, once the images are there.
        own: files in the folder that synthgen is known to have made.
        on_progress: hears how many images are written.

    Raises:
        UsageError: the format failed, or did not do what it says.
        StorageError: the images cannot be read, or the folder cannot be written.
    """
    with building(folder, own) as new:
        finished = FinishedImages(images, writing.encoding, writing.steps, on_progress, len(selection.split_of))
        manifest = write_in_format(writing.writer, writing.origin, selection, finished, new)
        summary = DatasetSummary(
            name=name,
            inputs=inputs,
            splits=_splits(selection, manifest, new),
            duplicates=selection.duplicates,
            dropped=selection.dropped,
            digests={},
            format=writing.origin,
            encoding=writing.encoding,
            encoded=finished.encoded,
        )
        write_card(new, summary)
        files = sorted(path for path in new.rglob("*") if path.is_file())
        names = [path.relative_to(new).as_posix() for path in files]
        summary = replace(summary, digests=dict(zip(names, digests_of(files), strict=True)))
        write_summary(summary, new)
    return summary


def _splits(selection: Selection, manifest: Manifest, folder: Path) -> tuple[SplitSummary, ...]:
    return tuple(
        SplitSummary(
            name=split,
            rows=manifest.splits[split].rows,
            size=manifest.splits[split].size,
            files={file: (folder / file).stat().st_size for file in manifest.splits[split].files},
            classes={kind: selection.counts.get((split, kind), 0) for kind in selection.classes},
            pattern=manifest.splits[split].pattern,
        )
        for split in selection.splits
    )
