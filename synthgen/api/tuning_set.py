"""The real images that a model is tuned to: opened, counted, looked at, and cut to the model's size."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.auditing import open_recorded
from synthgen.auditing.input import arguments
from synthgen.errors import UsageError
from synthgen.events import OnProgress
from synthgen.images import LeftOut, decode

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

    from synthgen.api.set_looker import SetLooker
    from synthgen.sets import ImageSet, SetSource
    from synthgen.stats.search import Codes
    from synthgen.tuning.memorised import PictureLooks

LEAST, MOST = 5, 500
"""How many images a model is tuned to."""
_LOG = logging.getLogger(__name__)
_NO_CLASS, _COPY = "without a class", "that another image is a copy of"
_OTHER_CLASS = "of another class than that of the word"
_SOURCES = ("source_id", "source_image")


@dataclass(frozen=True, slots=True)
class RealSet:
    """A set of real images, before any is read."""

    images: ImageSet
    frame: pd.DataFrame

    @classmethod
    def open(cls, real: SetSource, label: str | None, images_from: Path | None, allow_remote: bool) -> RealSet:
        """Open the set, and count its images.

        Raises:
            UsageError, StorageError: there is no such set, it has no images or no classes, or too few or too many.
        """
        from synthgen.auditing.input.audited_set import open_audited
        from synthgen.files import expanded, named_by_itself
        from synthgen.sets import allowing_remote, read_frame

        of_hub = isinstance(real, str | os.PathLike) and not expanded(real).exists()
        try:
            with named_by_itself(real if isinstance(real, str | os.PathLike) else "the set"):
                with allowing_remote(allow_remote):
                    images = open_audited(real, open_recorded, images_from=None if of_hub else images_from).images
                if not images.has_images:
                    raise UsageError(f"{images.source} has no images", hint="Give a set with images.")
                frame = read_frame(images, label)
        except UsageError as error:
            raise UsageError(error.message, argument=error.argument or "real", hint=error.hint) from error
        check_count(images.source, len(frame))
        return cls(images, frame)

    def check_class(self, name: str) -> None:
        """Check that images have a class.

        Raises:
            UsageError: none has.
        """
        from synthgen.spec.messages import suggestion_or_all

        known = sorted({str(one) for one in self.frame["label"].dropna()})
        if name not in known:
            what = f"{self.images.source} has no class {name!r}{suggestion_or_all(name, known)}"
            raise UsageError(what, argument="word", hint="The name before the last = is that of a class.")

    def look(self, looker: SetLooker, on_progress: OnProgress) -> RealImages:
        """Look at every image.

        Raises:
            UsageError: too many images cannot be used, or too few are left.
            ModelError, DeviceError, StorageError: a model, a device or a disk fails.
        """
        from synthgen.dataset.groups import bond_of, joined, near_by_hash
        from synthgen.spec.splits import NEAR_BITS
        from synthgen.tuning.memorised import PictureLooks
        from synthgen.tuning.settings import most_common

        total, labels, names = len(self.frame), _texts(self.frame["label"]), _texts(self.frame["id"])
        rows, kept, left_out = [], dict[bytes, int](), defaultdict[str, list[str]](list)
        for row, (key, label) in enumerate(zip(looker.look(self.images, total, on_progress), labels, strict=True)):
            if isinstance(key, LeftOut) or label is None or key in kept:
                reason = key.reason if isinstance(key, LeftOut) else _NO_CLASS if label is None else _COPY
                left_out[reason].append(str(names[row]))
            else:
                kept[key] = row
                rows.append(row)
        source = self.images.source
        bad = {reason: several for reason, several in left_out.items() if reason != _COPY}
        if (count := sum(map(len, bad.values()))) > arguments.LEFT_OUT * total:
            reason, several = max(bad.items(), key=lambda each: len(each[1]))
            mostly = "" if len(bad) == 1 else "mostly "
            what = f"{count:,} of {total:,} images cannot be used, {mostly}those {reason}: {most_common(several)}"
            raise UsageError(f"{source}: {what}", argument="real", hint="Mend them, or take them out of the set.")
        check_count(source, len(rows))
        for reason, several in left_out.items():
            many = "1 image" if len(several) == 1 else f"{len(several):,} images"
            was = "was" if len(several) == 1 else "were"
            _LOG.warning("%s: %s %s %s left out: %s", source, many, reason, was, most_common(several))

        keys = list(kept)
        hashes, vectors = looker.found(keys)
        shared = [_texts(self.frame[name]) for name in _SOURCES if name in self.frame]
        bonds = [near_by_hash("hash", hashes, NEAR_BITS)]
        bonds += [bond_of("source", [column[row] for row in rows]) for column in shared]
        return RealImages(
            self.images,
            tuple(rows),
            tuple(str(labels[row]) for row in rows),
            tuple(key.hex() for key in keys),
            joined(bonds, len(rows)),
            None if vectors is None else PictureLooks(vectors, hashes),
            {reason: len(several) for reason, several in left_out.items()},
        )


@dataclass(frozen=True, slots=True, eq=False)
class RealImages:
    """The images of a set that can be used.

    Attributes:
        rows: their places in the set.
        digests: the sha256 of each file, in hex.
        groups: the same number for images that belong together, such as near-duplicates.
        looks: what a judge and a hash see; None without a judge.
        left_out: how many images are left out, by reason.
    """

    images: ImageSet
    rows: Sequence[int]
    classes: Sequence[str]
    digests: Sequence[str]
    groups: Codes
    looks: PictureLooks | None
    left_out: Mapping[str, int]

    def of_class(self, name: str) -> RealImages:
        """Return those of one class; the others count as left out.

        Raises:
            UsageError: there are too few.
        """
        source, places = self.images.source, [place for place, one in enumerate(self.classes) if one == name]
        check_count(f"class {name!r} of {source}", len(places))
        if others := len(self.classes) - len(places):
            counted = "1 image of another class was" if others == 1 else f"{others:,} images of other classes were"
            _LOG.warning("%s: %s left out: the word is that of %r", source, counted, name)
        return replace(
            self,
            rows=[self.rows[place] for place in places],
            classes=[name] * len(places),
            digests=[self.digests[place] for place in places],
            groups=self.groups[places],
            looks=None if self.looks is None else self.looks.take(places),
            left_out={**self.left_out, **({_OTHER_CLASS: others} if others else {})},
        )

    def squares(self, size: int) -> Iterator[Image.Image]:
        """Read each image, and cut its middle to a square of a size."""
        from synthgen.tuning.samples import square

        wanted, row, small = set(self.rows), 0, 0
        for batch in self.images.images():
            for data in batch:
                if row in wanted:
                    assert isinstance(data, bytes), "it was read before"
                    picture = decode(data)
                    assert not isinstance(picture, LeftOut), "it was opened before"
                    small += min(picture.image.size) < size
                    yield square(picture.image, size)
                row += 1
        if small:
            _LOG.warning("%d of %d images are smaller than %d x %d, and are enlarged", small, len(wanted), size, size)


def check_count(source: str, count: int) -> None:
    """Refuse too few images, and too many.

    Raises:
        UsageError: there are.
    """
    if count < LEAST:
        hint = "With so few, a model copies rather than learns: add some."
        raise UsageError(f"{source} has {count:,} images; expected at least {LEAST}", argument="real", hint=hint)
    if count > MOST:
        hint = "Take a sample of them: a LoRA learns a look from few."
        raise UsageError(f"{source} has {count:,} images; expected at most {MOST}", argument="real", hint=hint)


def _texts(cells: pd.Series[str]) -> list[str | None]:
    return [None if missing else str(cell) for cell, missing in zip(cells, cells.isna(), strict=True)]
