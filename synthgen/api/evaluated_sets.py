"""The sets of an evaluation: opened, and every image looked at."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.arguments import text_of
from synthgen.api.auditing import open_recorded
from synthgen.api.judges import ClipJudges
from synthgen.auditing.input import arguments
from synthgen.errors import UsageError
from synthgen.sets.near_names import first_of
from synthgen.spec.model import BUNDLED_JUDGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from synthgen.api.set_looker import SetLooker
    from synthgen.auditing.input.judges import JudgeId
    from synthgen.evaluating.looked_set import LookedSet
    from synthgen.events import OnProgress
    from synthgen.sets import ImageSet, SetSource

_GROUP = "group "
_AIMS = "`suggest` aims by validation images, which are of the real set."
_NO_CLASS = "without a class"
_SOURCES = ("source_id", "source_image")


@dataclass(frozen=True, slots=True)
class EvaluationSets:
    """How every set of an evaluation is opened.

    Attributes:
        groups: columns of the sets `grouped`: of the one that has the test, and of the real one to aim at.
    """

    label: str | None
    clusters: tuple[str, ...]
    images_from: Path | None
    allow_remote: bool
    groups: tuple[str, ...] = ()
    grouped: tuple[str, ...] = ("real",)

    def open(self, name: str, source: SetSource) -> tuple[ImageSet, dict[str, list[str | None]]]:
        """Open a set, and read the columns of its table as texts.

        Raises:
            UsageError, StorageError: there is no such set, or it has no images or no classes.
        """
        from synthgen.auditing.input.audited_set import open_audited
        from synthgen.files import expanded, named_by_itself
        from synthgen.sets import allowing_remote, read_frame

        of_hub = isinstance(source, str | os.PathLike) and not expanded(source).exists()
        with _naming(name), named_by_itself(source if isinstance(source, str | os.PathLike) else "the set"):
            with allowing_remote(self.allow_remote):
                images = open_audited(source, open_recorded, images_from=None if of_hub else self.images_from).images
            if not images.has_images:
                raise UsageError(f"{images.source} has no images to look at", hint="Give a set with images.")
            here = name == "real"  # in the other sets, columns may have other names
            label = self.label if here or self.label in images.columns else None
            there = [column for column in self.clusters if here or column in images.columns]
            frame = read_frame(images, label, clusters=there)
            found = {str(name): _texts(frame[name]) for name in frame}
        if name in self.grouped:
            found |= self._groups_of(images, name)
        return images, found

    def _groups_of(self, images: ImageSet, name: str) -> dict[str, list[str | None]]:
        """Read the columns of groups, which `_GROUP` then begins the names of.

        Raises:
            UsageError: there is no such column.
        """
        from synthgen.sets.image_set import lacking

        for column in self.groups:
            if column not in images.columns:
                error = lacking(images.source, column, images.columns)
                real = name == "real" and len(self.grouped) > 1
                hint = f"{_AIMS} {error.hint or ''}".rstrip() if real else error.hint
                raise UsageError(error.message, argument="group", hint=hint)
        if not self.groups:
            return {}
        frame = images.table(self.groups)
        return {f"{_GROUP}{column}": _texts(frame[column]) for column in self.groups}


@dataclass(frozen=True, slots=True)
class OpenedLabels:
    """The classes of an opened set, as `check_classes` asks for them."""

    argument: str
    source: str
    labels: Sequence[str]


def labels_of(name: str, images: ImageSet, texts: Mapping[str, Sequence[str | None]]) -> OpenedLabels:
    """Return the classes of a set that `EvaluationSets.open` opened."""
    return OpenedLabels(name, images.source, [label for label in texts["label"] if label is not None])


def _texts(cells: pd.Series[str]) -> list[str | None]:
    return [None if missing else str(cell) for cell, missing in zip(cells, cells.isna(), strict=True)]


@contextmanager
def _naming(argument: str) -> Iterator[None]:
    """Name the argument of a set that cannot be opened."""
    try:
        yield
    except UsageError as error:
        if error.argument is not None:
            raise
        raise UsageError(error.message, argument=argument, hint=error.hint) from error


def evaluation_looker(name: str, cache: Path | None, device: str) -> tuple[SetLooker, JudgeId]:
    """Return what looks at all sets, and its judge.

    Raises:
        UsageError, ModelError: there is no such judge, or it makes no embeddings.
        DeviceError: there is no such device, or it cannot be used, whether or not it will be.
    """
    from synthgen.api.set_looker import looker_of
    from synthgen.auditing.input.judge_names import is_asked

    text_of(name, "judge", "the name of a model")
    if is_asked(name):
        hint = f"Name a CLIP as in a spec, such as {BUNDLED_JUDGE!r}."
        raise UsageError(f"{name} answers questions and makes no embeddings", argument="judge", hint=hint)
    if device not in ("auto", "cpu"):
        from synthgen.models.device import open_device

        open_device(device)  # a judge opens it only if an embedding is not in the cache
    judges = ClipJudges(device, trust=False)
    with _naming("judge"):
        judge = judges.find(name)
    return looker_of(judges, judge, cache or judges.cache), judge


def look_at_set(
    name: str,
    images: ImageSet,
    texts: dict[str, list[str | None]],
    clusters: Sequence[str],
    looker: SetLooker,
    on_progress: OnProgress,
) -> LookedSet:
    """Look at every image of a set.

    Raises:
        UsageError: too many of its images cannot be used.
        ModelError, DeviceError, StorageError: a model, a device or a disk fails.
    """
    from synthgen.evaluating.looked_set import LookedSet
    from synthgen.sets import CLUSTER, SAME_FILE

    title, total = name.replace("_", " "), len(texts["id"])
    keys = looker.look(images, total, on_progress)
    rows, reasons, unusable = list[int](), Counter[str](), list[str]()
    for row, (key, label) in enumerate(zip(keys, texts["label"], strict=True)):
        if not isinstance(key, bytes):
            reasons[key.reason] += 1
        elif label is None:
            reasons[_NO_CLASS] += 1
        else:
            rows.append(row)
            continue
        unusable.append(str(texts["id"][row]))
    if sum(reasons.values()) > arguments.LEFT_OUT * total:
        (reason, _), *_ = reasons.most_common(1)
        what = f"{images.source}: {sum(reasons.values()):,} of {total:,} images cannot be used, mostly those {reason}"
        what += f": {first_of(unusable)}"
        raise UsageError(what, argument=name, hint="Mend them, or take them out of the set.")
    if not rows:
        raise UsageError(f"{images.source} has no images", argument=name, hint="Give a set with images.")

    kept = [key for row in rows if isinstance(key := keys[row], bytes)]
    hashes, vectors = looker.found(kept)
    assert vectors is not None, "a judge embeds"
    columns = [*_SOURCES, SAME_FILE, *(f"{CLUSTER}{column}" for column in clusters)]
    return LookedSet(
        title,
        images.source,
        tuple(str(texts["id"][row]) for row in rows),
        tuple(str(texts["label"][row]) for row in rows),
        tuple(kept),
        tuple(hashes),
        vectors,
        {column: [texts[column][row] for row in rows] for column in columns if column in texts},
        dict(reasons),
        tuple(rows),
        attributes={
            column.removeprefix(_GROUP): [cells[row] for row in rows]
            for column, cells in texts.items()
            if column.startswith(_GROUP)
        },
    )
