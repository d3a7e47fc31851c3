"""WebDataset: `SPLIT-NNNNN.tar`, in which a sample is some files of one name, and `SPLIT-index.json`."""

import io
import json
import tarfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from synthgen.dataset.formats.format import Manifest, WrittenSplit
from synthgen.dataset.formats.names import file_stem
from synthgen.dataset.formats.parts import PartedImages, Parts, json_text
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.select import Selection

if TYPE_CHECKING:
    from datasets import Features

SHARD_BYTES = 480 * 10**6
SHARD_ROWS = 10_000
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class WebDatasetFormat:
    """Shards for `webdataset`, `wids`, `datasets` and other readers of streams.

    Of a sample there are the image, `.cls` with its label, `.json` with its row, and each other picture as
    `.COLUMN.png` or, of a list, `.COLUMN.0.png`.

    Attributes:
        shard_bytes: the most bytes of files in one shard, if it has more than one sample.
        shard_rows: the most samples in one shard.
    """

    shard_bytes: int = SHARD_BYTES
    shard_rows: int = SHARD_ROWS

    def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
        """Write the shards of all splits: see `FormatWriter`."""
        parted = PartedImages(images)
        with ExitStack() as stack:
            writers = {
                split: stack.enter_context(_Shards(folder, split, self.shard_bytes, self.shard_rows))
                for split in selection.splits
            }
            kinds: set[str] = set()
            for parts in parted:
                members = _members(parts)
                writers[parts.split].add(file_stem(parts.id), members)
                kinds.update(members)
        columns = _columns(parted, kinds)
        return Manifest({split: writer.finish(selection.classes, columns) for split, writer in writers.items()})


class _Shards:
    def __init__(self, folder: Path, split: str, shard_bytes: int, shard_rows: int) -> None:
        self._folder, self._split, self._most_bytes, self._most_rows = folder, split, shard_bytes, shard_rows
        self._lengths: list[int] = []
        self._bytes = self._in_shard = 0
        self._stack = ExitStack()
        self._tar: tarfile.TarFile | None = None

    def __enter__(self) -> "_Shards":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def add(self, key: str, members: dict[str, bytes]) -> None:
        """Write a sample."""
        size = sum(_BLOCK + -(-len(data) // _BLOCK) * _BLOCK for data in members.values())
        tar = self._tar
        if tar is None or self._lengths[-1] >= self._most_rows or self._in_shard + size > self._most_bytes:
            tar = self._next()
        for kind, data in members.items():
            # Whose it is and when it was made stay empty: the same images give the same shards.
            info = tarfile.TarInfo(f"{key}.{kind}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
            tar.members = []  # type: ignore[attr-defined]  # it would keep all of them in memory
        self._in_shard += size
        self._bytes += size
        self._lengths[-1] += 1

    def _next(self) -> tarfile.TarFile:
        self._stack.close()
        path = self._folder / _shard(self._split, len(self._lengths))
        self._tar = self._stack.enter_context(tarfile.TarFile(path, "x", format=tarfile.USTAR_FORMAT))
        self._lengths.append(0)
        self._in_shard = 0
        return self._tar

    def finish(self, classes: tuple[str, ...], columns: "Features") -> WrittenSplit:
        """Write the index, and say what there is."""
        if not self._lengths:
            return WrittenSplit(0, ())
        names = [_shard(self._split, place) for place in range(len(self._lengths))]
        shards = [
            {"url": name, "nsamples": length, "filesize": (self._folder / name).stat().st_size}
            for name, length in zip(names, self._lengths, strict=True)
        ]
        index = {
            "__kind__": "wids-shard-index-v1",
            "wids_version": 1,
            "name": self._split,
            "classes": classes,
            "shardlist": shards,
        }
        (self._folder / f"{self._split}-index.json").write_text(json.dumps(index, indent=1), "ascii")
        files = (*names, f"{self._split}-index.json")
        return WrittenSplit(sum(self._lengths), files, self._bytes, f"{self._split}-*.tar", columns)


def _shard(split: str, place: int) -> str:
    return f"{split}-{place:05d}.tar"


def _members(parts: Parts) -> dict[str, bytes]:
    """Return the files of a sample by what their names end in. The image comes first."""
    members = {parts.image.ending: parts.image.data, "cls": str(parts.label).encode()}
    for column, picture in parts.pictures.items():
        if picture is not None:
            members[f"{file_stem(column)}.{picture.ending}"] = picture.data
    for column, several in parts.lists.items():
        members |= {f"{file_stem(column)}.{place}.{one.ending}": one.data for place, one in enumerate(several)}
    return members | {"json": json_text(parts.values).encode()}


def _columns(parted: PartedImages, kinds: set[str]) -> "Features":
    """Return the types of what `datasets` reads: it guesses from a few samples, and not all have the same files."""
    from datasets import Features, Image, Value

    pictures = sorted(kinds - {"cls", "json"})
    return Features(
        {
            **dict.fromkeys(pictures, Image()),
            "cls": Value("int64"),
            "json": dict(parted.without_pictures()),
            "__key__": Value("string"),
            "__url__": Value("string"),
        }
    )
