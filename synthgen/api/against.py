"""The sets that a dataset's images are compared with (`output.against`): checked at `plan`, read when it is made."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from synthgen.api.sources import open_named
from synthgen.errors import UsageError
from synthgen.events import OnProgress, ignore
from synthgen.planning import Plan
from synthgen.spec import Spec

if TYPE_CHECKING:
    import pandas as pd

    from synthgen.dataset.against import OtherSet
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.pages.near import NearShelf
    from synthgen.sets import ImageSet

_LOG = logging.getLogger(__name__)
_KEY = "output.against"
_NAMED = 5
_SHOWN = 12
"""So many pairs of each set are on the contact sheet, the nearest first."""


def check_against(spec: Spec) -> None:
    """Check that the sets to compare with are there, have pictures, and have classes of the spec or none.

    Raises:
        UsageError: one has not.
        StorageError: one cannot be read.
    """
    for _ in _opened(spec):
        pass


@dataclass(frozen=True, slots=True)
class ReadSets:
    """The sets that a dataset is compared with, read.

    Attributes:
        others: what is compared of them.
        opened: the sets, and the row of each image of `others` in its set.
    """

    others: tuple[OtherSet, ...] = ()
    opened: tuple[tuple[ImageSet, Mapping[str, int]], ...] = ()

    @property
    def facts(self) -> list[object]:
        """What tells these sets from others, as JSON types."""
        return [[other.name, other.digest] for other in self.others]

    def shelves(self, summary: DatasetSummary | None) -> list[NearShelf]:
        """Return the nearest pairs of each set, with the set's pictures."""
        from synthgen.pages.near import NearPair, NearShelf
        from synthgen.sets import thumbnail

        found = []
        for compared, (images, rows) in zip(summary.compared if summary else (), self.opened, strict=False):
            nearest = sorted(compared.near, key=lambda one: (-(one.cosine or 0), one.bits or 0, one.id))[:_SHOWN]
            pairs = []
            for one in nearest:
                (data,) = images.some([rows[one.other]])
                pairs.append(NearPair(one.id, one.other, one.how, thumbnail(data)))
            found.append(NearShelf(compared.name, compared.images, len(compared.near), compared.removed, pairs))
        return found


def read_sets(planned: Plan, on_progress: OnProgress = ignore) -> ReadSets:
    """Hash and embed every image of the sets that a plan's dataset is compared with.

    Hashes and embeddings are kept in the user's cache, where audits keep theirs: an image is looked at once.

    It does not check trust: see `pinned_of_dataset`.

    Raises:
        UsageError, StorageError: as `check_against`.
        ModelError, DeviceError: the judge cannot be opened.
    """
    against = planned.spec.output.against
    if against is None:
        return ReadSets()
    from synthgen.api.set_looker import set_looker
    from synthgen.dataset.against import OtherSet
    from synthgen.images import LeftOut

    looker = set_looker(planned)
    others, opened = [], []
    for name, images, frame in _opened(planned.spec):
        keys = looker.look(images, len(frame), on_progress)
        bad = [key for key in keys if isinstance(key, LeftOut)]
        if bad:
            _LOG.warning("%s: %d of %d images are not compared: those %s", name, len(bad), len(keys), bad[0].reason)
        there = {row: key for row, key in enumerate(keys) if isinstance(key, bytes)}
        ids = [str(frame["id"].iloc[row]) for row in there]
        digest = sha256(b"".join(there.values()))
        digest.update("\n".join(ids).encode())
        hashes, vectors = looker.found([*there.values()])
        others.append(OtherSet(name, ids, hashes, vectors, digest.hexdigest()))
        opened.append((images, dict(zip(ids, there, strict=True))))
    return ReadSets(tuple(others), tuple(opened))


def _opened(spec: Spec) -> Iterator[tuple[str, ImageSet, pd.DataFrame]]:
    """Open each set, and read its ids and labels."""
    if (against := spec.output.against) is None:
        return
    from synthgen.sets import read_frame

    for place, name in enumerate(against.sets):
        key = f"{_KEY}.sets.{place}"
        images = open_named(name, key, classless=True)
        with _named(key):
            frame = read_frame(images, classless=True)
        if not images.has_images or frame.empty:
            raise UsageError(f"{key}: {images.source} has no pictures", hint="Name a set that has some.")
        labels = sorted({*map(str, frame["label"].dropna())})
        if against.labels == "same" and labels and not {*labels} & {*spec.classes}:
            theirs, mine = (", ".join(map(repr, several[:_NAMED])) for several in (labels, [*spec.classes]))
            what = f"{key}: {images.source} has other classes, such as {theirs}, and none of the spec's, such as {mine}"
            hint = f"Name a set of these classes. If it is the right one, write {_KEY}: {{sets: [..], labels: any}}."
            raise UsageError(what, hint=hint)
        yield name, images, frame


@contextmanager
def _named(key: str) -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{key}: {error.message}", hint=error.hint) from error
