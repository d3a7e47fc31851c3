"""The pictures that images are made from: which of a set they are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from synthgen.errors import UsageError
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.images import LeftOut, decode
from synthgen.records import SourceRow
from synthgen.regions.boxes import Size
from synthgen.sets.frame import CLUSTER, read_frame, words
from synthgen.sets.image_set import BATCH, ImageSet, lacking
from synthgen.sets.kept_columns import find_kept
from synthgen.sets.leading import LeadingColumn, joined
from synthgen.sets.near_names import listed, meant
from synthgen.sets.source_objects import MOST_PIXELS, files_of, find_objects
from synthgen.spec import SourceSpec

if TYPE_CHECKING:
    import pandas as pd

MOST_UNUSABLE = 100
"""With more pictures that cannot be used, or more than one in ten, the set is refused."""
_MANY = 500
"""Reading so many pictures takes long enough to be reported."""
_NAMED = 8


@dataclass(frozen=True, slots=True)
class FoundSources:
    """The pictures of a set that can be used, and what a user must know of the others, in sentences."""

    rows: tuple[SourceRow, ...]
    notes: tuple[str, ...]
    kept: Mapping[str, str] = field(default_factory=dict)  # columns that images take over, with their types


def find_sources(
    found: ImageSet,
    source: SourceSpec,
    classes: Sequence[str],
    needs: str | None = None,
    leading: Sequence[LeadingColumn] = (),
    to_class: str | None = None,
    fault_of: Callable[[str, str], str | None] | None = None,
    on_progress: OnProgress = ignore,
) -> FoundSources:
    """Read the classes of a set, and decode each picture and each mask once.

    Pictures with the same bytes count once; if they are of several classes, not at all. Pictures of classes that
    `classes` does not have, or of none, are left out.

    Args:
        needs: "boxes", if a picture without one cannot be used.
        leading: columns with pictures that lead the layout.
        to_class: one of the classes, whose images begin from pictures of all others, even of classes that `classes`
            does not have. Its own pictures are left out.
        on_progress: hears how many pictures were read, if they are many.
        fault_of: says, of a class and the kept columns of a picture, why there is no prompt for it.

    Raises:
        UsageError: a column or a value does not exist, a class has no picture, too many cannot be used, or it is
            unclear how boxes are written.
        StorageError: the set cannot be read.
    """
    frame = _frame(found, source)
    notes = [*found.notes]
    own = [name for name in classes if name != to_class]
    kept = frame["label"].isin(own) if to_class is None else frame["label"].notna() & (frame["label"] != to_class)
    if (unlabelled := int(frame["label"].isna().sum())) > 0:
        notes.append(f"{_pictures(unlabelled)} without a class left out")
    others = Counter(frame["label"][~kept].dropna())
    if others:
        named = ", ".join(f"{name} ({count:,})" for name, count in others.most_common(_NAMED))
        more = f" and {len(others) - _NAMED:,} more" if len(others) > _NAMED else ""
        what = "of other classes" if to_class is None else "of the class that the others are changed to"
        notes.append(f"{_pictures(others.total())} {what} left out: {named}{more}")
    _check_classes(found, own, frame["label"], "has no picture")
    if not kept.any():
        hint = f"Images of {to_class!r} are made of pictures of other classes, as `to` says."
        raise UsageError(f"source.dataset: {found.source} has pictures of {to_class!r} alone", hint=hint)

    places = [int(place) for place in frame.index[kept]]
    kept_types, kept_values = find_kept(found, source, places)
    mute = _without_prompt(frame, kept_values, fault_of) if fault_of else {}
    digested = _digested(found, source, [each for each in places if each not in mute], on_progress)
    read, faults, told = _read(found, source, frame, digested, needs, leading)
    faults = [*mute.values(), *faults]
    notes += told
    if faults:
        _check_few(found, faults, len(places))
        notes += [f"left out: {line}" for line in faults]
    rows, repeated = _each_once(row._replace(kept=kept_values.get(place, "")) for place, row in read.items())
    notes += repeated
    _check_classes(found, own, [row.class_name for row in rows], "has no usable picture")
    return FoundSources(tuple(rows), tuple(notes), kept_types)


def _frame(found: ImageSet, source: SourceSpec) -> pd.DataFrame:
    """Read id, label and group of the rows that `where` takes. The index is the row in the set."""
    try:
        frame = read_frame(found, source.label, clusters=[source.group] if source.group else [])
    except UsageError as error:
        key = {"label": "label", "cluster": "group"}.get(error.argument or "", "dataset")
        raise UsageError(f"source.{key}: {error.message}", hint=error.hint) from error
    if not found.has_images or frame.empty:
        raise UsageError(f"source.dataset: {found.source} has no pictures", hint="Name a set that has some.")

    for column, values in source.where.items():
        if column not in found.columns:
            lacks = lacking(found.source, column, found.columns)
            raise UsageError(f"source.where: {lacks.message}", hint=lacks.hint)
        cells = words(found.table([column])[column])
        if missing := [value for value in values if not (cells == value).any()]:
            known = [str(cell) for cell in cells.dropna().unique()]
            hint = meant(missing, known) or f"It has {', '.join(map(repr, known[:_NAMED]))}."
            raise UsageError(f"source.where.{column}: no row has {listed(missing)}", hint=hint.strip())
        frame = frame[cells.loc[frame.index].isin(values)]
    if frame.empty:
        raise UsageError(f"source.where: no row of {found.source} has all of this", hint="Ask for less.")
    return frame


def _check_classes(found: ImageSet, classes: Sequence[str], labels: Iterable[object], what: str) -> None:
    """Check that each class has a picture.

    Args:
        what: what a set lacks that has none.

    Raises:
        UsageError: some have none.
    """
    there = Counter(label for label in labels if isinstance(label, str))
    if missing := [name for name in classes if name not in there]:
        some = ", ".join(f"{name!r} ({count:,})" for name, count in there.most_common(_NAMED)) or "none"
        hint = f"{meant(missing, there)}Its classes are {some}: `classes` must name them as they are."
        which = "class" if len(missing) == 1 else "classes"
        raise UsageError(f"source.dataset: {found.source} {what} of the {which} {listed(missing)}", hint=hint)


def _read(
    found: ImageSet,
    source: SourceSpec,
    frame: pd.DataFrame,
    digested: Iterable[tuple[int, tuple[str, Size] | LeftOut]],
    needs: str | None,
    leading: Sequence[LeadingColumn],
) -> tuple[dict[int, SourceRow], list[str], tuple[str, ...]]:
    """Find the objects of the pictures at some rows of the set, whose digests are known.

    Return the rows by their place in the set, a line for each picture that cannot be used, and notes.
    """
    group_column = next((column for column in frame.columns if column.startswith(CLUSTER)), "id")
    names, labels, groups = (frame[column] for column in ("id", "label", group_column))
    faults = dict[int, str]()
    seen = dict[int, tuple[str, Size]]()
    for place, picture in digested:
        if isinstance(picture, LeftOut):
            faults[place] = f"{names[place]} is among those {why_left_out(picture)}"
        else:
            seen[place] = picture

    for column in leading:
        for place, digest in column.digests(found, {place: size for place, (_, size) in seen.items()}):
            if isinstance(digest, LeftOut):
                faults[place] = (
                    f"{names[place]}: its picture in the column {column.name!r} is among those {why_left_out(digest)}"
                )
            else:  # the row is of both pictures
                seen[place] = joined([seen[place][0], digest]), seen[place][1]

    objects = find_objects(found, source, {place: size for place, (_, size) in seen.items()}, needs)
    faults |= {place: f"{names[place]}: {why}" for place, why in objects.faults.items()}
    rows = {
        place: SourceRow(
            names[place],
            labels[place],
            digest,
            groups[place] or names[place],
            objects.boxes.get(place, ()),
            objects.masks.get(place, ""),
        )
        for place, (digest, _) in seen.items()
        if place not in faults
    }
    return rows, [faults[place] for place in sorted(faults)], objects.notes


def _without_prompt(
    frame: pd.DataFrame, kept: Mapping[int, str], fault_of: Callable[[str, str], str | None]
) -> dict[int, str]:
    """Return a line for each picture of which no prompt can be made."""
    names, labels = frame["id"], frame["label"]
    found = ((place, fault_of(labels[place], values)) for place, values in kept.items())
    return {place: f"{names[place]}: {why}" for place, why in found if why is not None}


def _digested(
    found: ImageSet, source: SourceSpec, places: Sequence[int], on_progress: OnProgress
) -> Iterator[tuple[int, tuple[str, Size] | LeftOut]]:
    """Yield the digest and the size of the picture at each of these rows, or why it cannot be used."""
    with ThreadPoolExecutor() as threads:  # decoders let other threads work
        for first in range(0, len(places), BATCH):
            if len(places) >= _MANY:
                on_progress(StepProgress("reading pictures", "pictures", first, len(places)))
            some = places[first : first + BATCH]
            yield from zip(some, threads.map(_digest, picture_files(found, source, some)), strict=True)


def picture_files(found: ImageSet, source: SourceSpec, places: Sequence[int]) -> list[bytes | LeftOut]:
    """Read the files of the pictures at these rows of the set."""
    return found.some(places) if source.image is None else files_of(found, "image", source.image, places)


def why_left_out(left_out: LeftOut) -> str:
    """Say why a picture cannot be used, after `is among those`."""
    return f"{left_out.reason}: {left_out.detail}" if left_out.detail else left_out.reason


def _digest(data: bytes | LeftOut) -> tuple[str, Size] | LeftOut:
    """Return the sha256 of a picture's file and its size, if it can be decoded to its end.

    Of the file and not of its pixels: two versions of a decoder may give pixels that differ by one.
    """
    if isinstance(data, LeftOut):
        return data
    picture = decode(data, most_pixels=MOST_PIXELS)
    return picture if isinstance(picture, LeftOut) else (sha256(data).hexdigest(), picture.image.size)


def _check_few(found: ImageSet, faults: Sequence[str], total: int) -> None:
    if len(faults) > min(MOST_UNUSABLE, -(-total // 10)):
        lines = [f"  {line}" for line in faults[:_NAMED]]
        more = [f"  and {len(faults) - _NAMED:,} more"] if len(faults) > _NAMED else []
        what = f"source.dataset: {len(faults):,} of {_pictures(total)} of {found.source} cannot be used"
        limit = f"Up to one in ten, and {MOST_UNUSABLE} at most, are left out"
        hint = f"{limit}. Mend the set, or choose others with source.where."
        raise UsageError("\n".join([f"{what}:", *lines, *more]), hint=hint)


def _each_once(rows: Iterable[SourceRow]) -> tuple[list[SourceRow], Iterator[str]]:
    """Keep one picture of each content, that of the lowest id; none where the classes differ."""
    alike: defaultdict[str, list[SourceRow]] = defaultdict(list)
    for row in rows:
        alike[row.digest].append(row)
    agreed = {digest: len({row.class_name for row in same}) == 1 for digest, same in alike.items()}
    kept = [min(same) for digest, same in alike.items() if agreed[digest]]
    return kept, _of_repeats(alike, agreed)


def _of_repeats(alike: Mapping[str, Sequence[SourceRow]], agreed: Mapping[str, bool]) -> Iterator[str]:
    repeats = [sorted(same) for digest, same in alike.items() if agreed[digest] and len(same) > 1]
    if repeats:
        more = sum(len(same) - 1 for same in repeats)
        first = f"such as {repeats[0][1].id}, which is {repeats[0][0].id} again"
        yield f"{_pictures(more)} left out as repeats to the byte, {first}"
    for same in (same for digest, same in alike.items() if not agreed[digest]):
        named = ", ".join(f"{row.id} ({row.class_name})" for row in sorted(same))
        yield f"left out, as the same picture is of several classes: {named}"


def _pictures(count: int) -> str:
    return f"{count:,} picture{'s' if count != 1 else ''}"
