"""WebDataset shards: .tar files in which a sample is a few files of the same name, such as 0.jpg and 0.cls."""

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import pandas as pd
from PIL import Image

from synthgen.errors import StorageError, UsageError
from synthgen.images import LeftOut
from synthgen.sets.image_set import in_batches
from synthgen.sets.json_rows import Kinds, as_table, parse_object
from synthgen.sets.own_folder import MOST_BYTES, TOO_LARGE
from synthgen.sets.reading import reading

_NAME = re.compile(r"((?:.*/|)[^./]+)\.([^/]+)", re.DOTALL)
_CLASS = "cls"
_TEXTS = (_CLASS, "txt", "text", "caption")
_OF_JSON = "json."
_MOST_TEXT = 2**20
_NO_IMAGE = LeftOut("that are not in the set", "no file of the sample is an image")
_END = bytes(512)
SHARDS = (".tar", ".tar.gz", ".tgz")
_COMPRESSED = (".gz", ".tgz")


@dataclass(frozen=True, slots=True)
class _Part:
    """Where the content of a file is in a shard.

    Attributes:
        content: that of a short text in a compressed shard, where going back for it would take long.
    """

    shard: Path
    start: int
    size: int
    content: bytes | None = None


class _Unzipped(gzip.GzipFile):
    """A compressed shard as the .tar that it is. Reading in order is cheap; going back starts again at the front."""

    def read(self, size: int | None = -1) -> bytes:
        """Read up to the limit of an image: a header of zeros may claim any size."""
        if size is None or not 0 <= size <= MOST_BYTES:
            raise tarfile.ReadError(f"a header of more than {MOST_BYTES // 2**20} MiB")
        return super().read(size)


@dataclass(slots=True)
class _Sample:
    key: str
    shard: Path
    parts: dict[str, _Part] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"{self.shard}: {self.key}"


class TarSet:
    """An `ImageSet` of WebDataset shards. Nothing is extracted, and no link in them is followed.

    Its columns are `key`, the texts (`cls`, `txt`, ..), the keys of `.json` files and, of other pictures such as masks,
    what their names end in before the format: `mask` of `0.mask.png`. The class is `cls`, if there is one. Files of
    other kinds, such as pickles, are never read.

    Attributes:
        shard_of: the shard of each sample.
        picture_columns: those of other pictures, and which samples have one.

    Raises:
        UsageError: a sample has several images, is scattered over its shard, or has a text that cannot be read.
        StorageError: a shard is damaged or cut.
    """

    def __init__(self, name: str, source: str, shards: Sequence[Path]) -> None:
        self.name, self.source = name, source
        rows: list[dict[str, object]] = []
        kinds = Kinds()
        self._images: list[_Part | None] = []
        self._pictures: list[Mapping[str, _Part]] = []
        self.shard_of: list[Path] = []
        several = len(shards) > 1
        for sample in (sample for shard in shards for sample in _samples(shard)):
            image, pictures = _images(sample)
            self._images.append(image)
            self._pictures.append(pictures)
            self.shard_of.append(sample.shard)
            key = f"{_stem(sample.shard)}/{sample.key}" if several else sample.key
            rows.append({"key": key, **_texts(sample)})
            kinds.check(sample.place, rows[-1])
        table = as_table(rows) if rows else pd.DataFrame({"key": []}, dtype="object")
        own = {f"{_OF_JSON}{name}": name for name in _TEXTS if name not in table}
        self._frame = table.rename(columns=own)
        beside = dict.fromkeys(name for found in self._pictures for name in found if name not in self._frame)
        self.columns = (*self._frame.columns, *beside)
        self.picture_columns = {name: [name in found for found in self._pictures] for name in beside}
        self.label_columns: tuple[str, ...] = (_CLASS,) if _CLASS in self._frame else ()
        self.has_images = any(part is not None for part in self._images)
        self.notes: tuple[str, ...] = ()
        self._unzipped: _Unzipped | None = None  # the shard that was read last, if it is compressed

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        """Read these columns of every row. Those of pictures are empty."""
        return self._frame.reindex(columns=list(columns))

    def images(self) -> Iterator[list[bytes | LeftOut]]:
        """Read the encoded image of every row, at most `BATCH` at a time."""
        return in_batches(len(self._images), self.some)

    def some(self, rows: Sequence[int]) -> list[bytes | LeftOut]:
        """Read the encoded images of these rows."""
        return [self._content(part) if (part := self._images[row]) is not None else _NO_IMAGE for row in rows]

    def pictures(self, column: str, rows: Sequence[int]) -> list[bytes | LeftOut]:
        """Read the pictures of these rows that a column names, such as `mask`.

        Raises:
            UsageError: no sample has such a picture.
        """
        if not any(column in found for found in self._pictures):
            there = sorted({name for found in self._pictures for name in found})
            raise UsageError(
                f"{self.source} has no pictures in a column {column!r}",
                hint=f"Those beside the image are called {', '.join(there)}."
                if there
                else "Write them into the shards under the names of the images, such as 0.mask.png beside 0.png.",
            )
        parts = [self._pictures[row].get(column) for row in rows]
        return [self._content(part) if part is not None else _NO_IMAGE for part in parts]

    def _content(self, part: _Part) -> bytes | LeftOut:
        """Read a file of a shard. A compressed one stays open: the next image is likely behind this one."""
        if part.shard.suffix.lower() not in _COMPRESSED:
            return _content(part)
        with reading(part.shard):
            if self._unzipped is None or self._unzipped.name != str(part.shard):
                if self._unzipped is not None:
                    self._unzipped.close()
                self._unzipped = _Unzipped(str(part.shard))
            return _read(self._unzipped, part)


def find_shards(folder: Path, split: str | None = None) -> list[Path]:
    """Find the .tar files below `folder`. Those of a split begin with its name, or are in a folder of that name."""
    there = (path for path in folder.rglob("*") if path.name.lower().endswith(SHARDS))
    named = (path for path in there if not _is_hidden(path.relative_to(folder)))
    found = sorted(path for path in named if path.is_file())
    if split is None:
        return found
    return [path for path in found if path.parent.name == split or re.split("[-_.]", path.stem)[0] == split]


def _stem(shard: Path) -> str:
    return shard.name[: -len(next(end for end in reversed(SHARDS) if shard.name.lower().endswith(end)))]


def _is_hidden(path: PurePath) -> bool:
    return any(part.startswith((".", "__")) for part in path.parts)


def _samples(shard: Path) -> Iterator[_Sample]:
    """Yield the samples of a shard: neighbours whose names are the same up to the first point of the last part."""
    done: set[str] = set()
    sample: _Sample | None = None
    for name, part in _files(shard):
        if (matched := _NAME.fullmatch(name)) is None:
            continue  # hidden, or without an ending
        key, kind = matched[1].removeprefix("./"), matched[2].lower()
        if sample is None or key != sample.key:
            if sample is not None:
                yield sample
            if key in done:
                hint = "Expected the files of a sample one after the other, as WebDataset needs them."
                raise UsageError(f"{shard}: the files of {key!r} do not lie together", hint=hint)
            done.add(key)
            sample = _Sample(key, shard)
        if kind in sample.parts:
            raise UsageError(f"{sample.place}: {kind!r} is given twice", hint="Give each file a name of its own.")
        sample.parts[kind] = part
    if sample is not None:
        yield sample


def _files(shard: Path) -> Iterator[tuple[str, _Part]]:
    """Yield the regular files of a shard; links, devices and the like are skipped."""
    hint = "Check that it is complete, and that a compressed one is called .tar.gz or .tgz."
    try:
        with reading(shard), _opened(shard) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # it would keep all of them in memory
                if member.isreg() and not member.issparse():
                    start, size = member.offset_data, member.size
                    yield member.name, _Part(shard, start, size, _short(file, member.name, start, size))
            file.seek(tar.offset)
            end = file.read(len(_END))
            while isinstance(file, _Unzipped) and file.read(2**20):
                pass  # to the checksum at its end
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise StorageError(f"{shard} cannot be read: {error}", hint=hint) from error
    if end != _END:
        raise StorageError(f"{shard} is damaged or cut: it has no end", hint=hint)


def _short(file: io.BufferedReader | _Unzipped, name: str, start: int, size: int) -> bytes | None:
    """Read a text of a compressed shard in passing."""
    if not isinstance(file, _Unzipped) or size > _MOST_TEXT or name.rpartition(".")[2].lower() not in (*_TEXTS, "json"):
        return None
    file.seek(start)
    return file.read(size)


def _opened(shard: Path) -> io.BufferedReader | _Unzipped:
    return _Unzipped(str(shard)) if shard.suffix.lower() in _COMPRESSED else shard.open("rb")


def _images(sample: _Sample) -> tuple[_Part | None, Mapping[str, _Part]]:
    """Return the one image of a sample, if it has one, and its other pictures: `mask` of `0.png` and `0.mask.png`."""
    Image.init()
    found = [kind for kind in sample.parts if f".{kind.rpartition('.')[2]}" in Image.EXTENSION]
    own = [kind for kind in found if "." not in kind] or found
    if len(own) > 1:
        hint = "Expected one image in each sample. Write the images to audit into shards of their own."
        raise UsageError(f"{sample.place} has several images: {', '.join(own)}", hint=hint)
    others = {kind.rpartition(".")[0]: sample.parts[kind] for kind in found if kind not in own}
    return sample.parts[own[0]] if own else None, others


def _texts(sample: _Sample) -> dict[str, object]:
    found: dict[str, object] = {}
    for kind in _TEXTS:
        if kind in sample.parts:
            found[kind] = _text(sample, kind).strip()
    if "json" in sample.parts:
        row = parse_object(f"{sample.place}.json", _text(sample, "json"))
        found |= {f"{_OF_JSON}{name}" if name in (*_TEXTS, "key") else name: value for name, value in row.items()}
    return found


def _text(sample: _Sample, kind: str) -> str:
    part, hint = sample.parts[kind], f"Expected a text in UTF-8 of at most {_MOST_TEXT // 2**20} MiB."
    if part.size > _MOST_TEXT:
        raise UsageError(f"{sample.place}.{kind} has {part.size:,} bytes", hint=hint)
    content = _content(part)
    try:
        return content.decode("utf-8") if isinstance(content, bytes) else ""
    except UnicodeDecodeError as error:
        raise UsageError(f"{sample.place}.{kind} is not a text: {error}", hint=hint) from error


def _content(part: _Part) -> bytes | LeftOut:
    if part.content is not None:
        return part.content
    with reading(part.shard), _opened(part.shard) as file:
        return _read(file, part)


def _read(file: io.BufferedReader | _Unzipped, part: _Part) -> bytes | LeftOut:
    if part.size > MOST_BYTES:
        return TOO_LARGE
    try:
        file.seek(part.start)
        return file.read(part.size)
    except (EOFError, zlib.error) as error:
        raise StorageError(f"{part.shard} cannot be read: {error}", hint="Check that it is complete.") from error
