"""Several formats of one dataset: each in a folder of its name, under one manifest."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from synthgen.dataset.formats.format import FormatWriter, Manifest
from synthgen.dataset.formats.writing import write_in_format
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.provenance import FormatOrigin
from synthgen.dataset.select import Selection


@dataclass(frozen=True, slots=True)
class SeveralFormats(FormatWriter):
    """Writes a dataset in each of some formats, one after the other.

    Attributes:
        formats: by name, each with where it comes from.
    """

    formats: Mapping[str, tuple[FormatWriter, FormatOrigin]]

    def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
        """Write them all: see `FormatWriter`. Patterns and sizes are those of the first that `datasets` reads whole."""
        written, folders = [], dict[str, Manifest]()
        for name, (writer, origin) in self.formats.items():
            (folder / name).mkdir()
            folders[name] = write_in_format(writer, origin, selection, images, folder / name)
            written.append(_inside(name, folders[name]))
        loads = sorted((one for one in written if one.loads), key=_reads_pictures_alone)
        loaded = loads[0] if loads else written[0]
        splits = {
            split: replace(
                loaded.splits[split], files=tuple(file for one in written for file in one.splits[split].files)
            )
            for split in selection.splits
        }
        digests = {name: digest for one in written for name, digest in one.digests.items()}
        return Manifest(splits, tuple(other for one in written for other in one.others), digests, folders)


def _reads_pictures_alone(manifest: Manifest) -> bool:
    return manifest.loaded is not None and manifest.loaded.pictures_alone


def _inside(name: str, manifest: Manifest) -> Manifest:
    """Name the files as the folder above does."""
    splits = {
        split: replace(
            one,
            files=tuple(f"{name}/{file}" for file in one.files),
            pattern=one.pattern and f"{name}/{one.pattern}",
        )
        for split, one in manifest.splits.items()
    }
    others = tuple(f"{name}/{other}" for other in manifest.others)
    return Manifest(splits, others, {f"{name}/{file}": digest for file, digest in manifest.digests.items()})
