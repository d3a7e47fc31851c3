"""What a finalized dataset holds: returned by `finalize`, and kept in the dataset's folder."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from pydantic import TypeAdapter

from synthgen.bounded import read_bounded
from synthgen.dataset.against import ComparedSet
from synthgen.dataset.duplicates import Duplicate
from synthgen.dataset.encoding import Encoding
from synthgen.dataset.groups import SplitGroups
from synthgen.dataset.order import LabelRuns
from synthgen.dataset.provenance import FormatOrigin
from synthgen.errors import StorageError
from synthgen.seal import is_digest, seal, unseal
from synthgen.store.layout import SUMMARY, is_file_name


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What one split of a finalized dataset holds.

    Attributes:
        size: size of its rows in memory, in bytes.
        files: names relative to the dataset's folder, with their sizes in bytes; none if there are no rows.
        classes: images per class, every class of the spec.
        pattern: see `WrittenSplit`.
        label_runs: how long images of one class follow each other; None in datasets of earlier versions.
        wanted: how many images its size gives it; it has others where whole groups do not fit. None if it is not known.
        exact: whether `wanted` is the number that the spec asks for, and no share.
    """

    name: str
    rows: int
    size: int
    files: Mapping[str, int]
    classes: Mapping[str, int]
    pattern: str | None = None
    label_runs: LabelRuns | None = None
    wanted: int | None = None
    exact: bool = False

    @property
    def misses(self) -> bool:
        """Whether it has another number of images than it should, by more than the rounding of a share."""
        if self.wanted is None:
            return False
        slack = 0 if self.exact else max(1, self.wanted // 20)
        return abs(self.rows - self.wanted) > slack or (self.wanted > 0 and not self.rows)


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """What a finalized dataset holds.

    Attributes:
        inputs: a fingerprint of all that the dataset was made from.
        duplicates: images that repeat one of a lower id: by the filter's rule or, without it, byte for byte.
        dropped: how many of them were left out.
        digests: the sha256 of every file of the dataset, in whatever folder, except the one that holds this summary.
        format: which format wrote it.
        columns: the version of its columns: see `COLUMNS_VERSION`.
        encoding: how its pictures are encoded.
        grouping: which images were kept in one split; None if an earlier version wrote it, or no split was made.
        compared: the other sets that its images were compared with.
        encoded: how many of them were encoded again; the others are what the shards, or the set, have.
    """

    name: str
    inputs: str
    splits: tuple[SplitSummary, ...]
    duplicates: tuple[Duplicate, ...]
    dropped: int
    digests: Mapping[str, str]
    format: FormatOrigin = field(default_factory=FormatOrigin)
    columns: int = 2
    encoding: Encoding = field(default_factory=lambda: Encoding("png"))
    encoded: int = 0
    grouping: SplitGroups | None = None
    compared: tuple[ComparedSet, ...] = ()

    @property
    def rows(self) -> int:
        return sum(split.rows for split in self.splits)

    @property
    def classes(self) -> dict[str, int]:
        names = self.splits[0].classes if self.splits else {}
        return {name: sum(split.classes[name] for split in self.splits) for name in names}

    @property
    def left_out(self) -> list[str]:
        """The ids of accepted images that it leaves out: repeats, and what is too near to another set."""
        repeats = [duplicate.id for duplicate in self.duplicates] if self.dropped else []
        near = {one.id for each in self.compared if each.removed for one in each.near}
        return [*repeats, *sorted(near)]

    @property
    def split_notes(self) -> tuple[str, ...]:
        """What a user must know of the splits, as sentences: what was kept together, and what that cost."""
        return (*(self.grouping.sentences if self.grouping else ()), *self.size_notes)

    @property
    def size_notes(self) -> tuple[str, ...]:
        """Say, as sentences, where splits are not as large as they should be or lack a class, and what to do."""
        found = []
        missed = [f"{each.name!r} has {each.rows:,} of {each.wanted:,} images" for each in self.splits if each.misses]
        if missed:
            found.append(f"{'; '.join(missed)}: {'; '.join(self._why_missed())}")
        for split in self.splits:
            without = [name for name, count in split.classes.items() if not count and self.classes[name]]
            if split.rows and without:
                more = f" and {len(without) - 1:,} more" if len(without) > 1 else ""
                why = self._why_without(split, without[0])
                found.append(f"{split.name!r} has no image of the class {without[0]!r}{more}: {why}")
        return tuple(found)

    @property
    def emptied(self) -> tuple[str, ...]:
        """The splits that should have images by their sizes, and have none since whole groups went to the others."""
        if self.grouping is None or not self.grouping.groups:
            return ()
        return tuple(split.name for split in self.splits if split.wanted and not split.rows)

    def _why_without(self, split: SplitSummary, class_name: str) -> str:
        count = self.classes[class_name]
        images = f"{count:,} image{'s' if count != 1 else ''}"
        if self.grouping is None or not self.grouping.groups or count * (split.wanted or 0) < self.rows:
            return f"the class has {images} in all; ask for more of it, or make the split larger"
        return f"groups that stay whole hold the class's {images}; ask for more of it, or from more different prompts"

    def _why_missed(self) -> Iterator[str]:
        """Say why splits have other numbers of images than they should: too many or few in all, or groups."""
        asked = sum(split.wanted or 0 for split in self.splits)
        most = max(abs(split.rows - (split.wanted or 0)) for split in self.splits if split.misses)
        if asked != self.rows:
            more = "more" if self.rows > asked else "fewer"
            difference = abs(self.rows - asked)
            yield f"there are {self.rows:,} images in all, {difference:,} {more} than output.splits asks for"
            if most <= difference:
                return
        largest = self.grouping.largest if self.grouping else None
        if largest and largest.images > most:
            yield largest.sentence(self.rows)
        elif asked == self.rows:
            yield "whole groups do not fit in them" if largest else f"there are {self.rows:,} in all"

    def missing(self, asked: Mapping[str, int | None]) -> int:
        """Images short of what was asked for, class by class: never accepted, or left out as repeats."""
        there = self.classes
        return sum(max((count or 0) - there.get(name, 0), 0) for name, count in asked.items())


_SUMMARY = TypeAdapter(DatasetSummary)
_ENTRIES = {one.name for one in fields(DatasetSummary)}
_ID = re.compile(r"[0-9]{5,}-[0-9]{6,}")
"""Of an image: see `Candidate`."""


def write_summary(summary: DatasetSummary, folder: Path) -> None:
    content = asdict(summary) | {"format": summary.format.facts}
    (folder / SUMMARY).write_text(seal(json.dumps(content, indent=1, ensure_ascii=False)), "utf-8")


def read_summary(folder: Path) -> DatasetSummary | None:
    """Read a dataset's summary; None if there is no dataset, or a file of it is missing or of another size."""
    try:
        summary = parse_summary(read_bounded(folder / SUMMARY).decode("utf-8"))
        files = [file for split in summary.splits for file in split.files.items()] if summary else []
        whole = all((folder / name).stat().st_size == size for name, size in files)
        whole = whole and all((folder / name).is_file() for name in (summary.digests if summary else ()))
    except (OSError, ValueError):
        return None
    return summary if whole else None


def refuse_damaged(folder: Path) -> None:
    """Refuse a folder that has a dataset's summary and, by `read_summary`, no dataset.

    Raises:
        StorageError: it has.
    """
    if not (folder / SUMMARY).is_file() or read_summary(folder) is not None:
        return
    try:
        summary = parse_summary(read_bounded(folder / SUMMARY).decode("utf-8"))
    except (OSError, ValueError):
        summary = None
    names = sorted(summary.digests) if summary is not None else []
    lost = next((name for name in names if not (folder / name).is_file()), None)
    why = f"{lost} is missing" if lost is not None else f"{SUMMARY} does not fit its files"
    raise StorageError(f"{folder} is damaged: {why}", hint="Write the dataset again, or fetch it again.")


def parse_summary(text: str) -> DatasetSummary | None:
    """Parse what `write_summary` wrote, in this or an earlier version; None for anything else."""
    try:
        raw, _ = unseal(text)
        if raw.keys() - _ENTRIES:
            return None
        summary = _SUMMARY.validate_json(json.dumps(raw), strict=True)
    except (ValueError, RecursionError):  # a ValidationError is a ValueError
        return None
    return summary if _holds_together(summary) else None


def _holds_together(summary: DatasetSummary) -> bool:
    """Whether readers may rely on it: names stay inside the dataset, and every split counts the same classes."""
    names = [*summary.digests, *(name for split in summary.splits for name in split.files)]
    numbers = [number for split in summary.splits for number in (split.rows, *split.classes.values())]
    ids = [one for duplicate in summary.duplicates for one in (duplicate.id, duplicate.same_as)]
    ids += [one.id for compared in summary.compared for one in compared.near]
    return (
        all(map(is_file_name, names))
        and all(map(is_digest, summary.digests.values()))
        and all(split.classes.keys() == summary.splits[0].classes.keys() for split in summary.splits)
        and all(number >= 0 for number in numbers)
        and all(_ID.fullmatch(one) for one in ids)
    )
