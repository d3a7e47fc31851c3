"""The pictures of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthgen.auditing.input.observations import Observations
    from synthgen.auditing.report import NotMeasured, PictureCell, ReportPicture
    from synthgen.sets import ImageSet

PER_CELL, IN_ALL = 6, 240


def show_cells(
    images: ImageSet, looked: Observations, attributes: Sequence[str], seed: int
) -> Mapping[PictureCell, tuple[ReportPicture, ...]]:
    """Draw a few images of each class and answer at random; none if the set has no images."""
    import numpy as np

    from synthgen.auditing.report import PictureCell

    if not images.has_images or not len(looked.frame):
        return {}
    frame = looked.frame.iloc[np.random.default_rng(seed).permutation(len(looked.frame))]

    cells: dict[PictureCell, list[int]] = {}
    for name in attributes:
        for (kind, answer), group in frame.groupby(["label", frame[name].fillna("unknown")], sort=True):
            cells[PictureCell(name, str(kind), str(answer))] = group.index[:PER_CELL].tolist()

    each = max(1, min(PER_CELL, IN_ALL // max(len(cells), 1)))
    chosen = {cell: rows[:each] for cell, rows in list(cells.items())[:IN_ALL]}
    pictures = read_pictures(images, looked, sorted({row for rows in chosen.values() for row in rows}))
    return {cell: tuple(pictures[row] for row in rows) for cell, rows in chosen.items()}


def why_hidden(
    images: ImageSet, looked: Observations, pictures: Mapping[PictureCell, Sequence[ReportPicture]]
) -> tuple[NotMeasured, ...]:
    """Report if no picture can be shown. With known columns, no image is opened before it is drawn."""
    from synthgen.auditing.report import NotMeasured
    from synthgen.images import LeftOut

    if not pictures or any(picture.image for several in pictures.values() for picture in several):
        return ()
    first = images.some(looked.rows[:1].tolist())[0]
    why = f"{first.reason}. {first.hint or ''}" if isinstance(first, LeftOut) else "that cannot be opened"
    return (NotMeasured("pictures", f"none can be shown: images {why}".rstrip(" .")),)


def show_pairs(images: ImageSet, looked: Observations, ids: Sequence[str]) -> dict[str, ReportPicture]:
    """Return the images of near-duplicate pairs by id; only those of the first pairs, if there are very many."""
    import pandas as pd

    wanted = list(dict.fromkeys(ids))[:IN_ALL]
    if not wanted or not images.has_images:
        return {}
    rows = sorted(pd.Index(looked.frame["id"]).get_indexer(pd.Index(wanted)).tolist())
    return {picture.id: picture for picture in read_pictures(images, looked, rows).values()}


def read_pictures(images: ImageSet, looked: Observations, rows: Sequence[int]) -> dict[int, ReportPicture]:
    """Read pictures by their row of the frame; `rows` are sorted."""
    from synthgen.auditing.report import ReportPicture
    from synthgen.sets import thumbnail

    frame = looked.frame.iloc[list(rows)]
    captions = frame["prompt"].fillna("") if "prompt" in frame else [""] * len(frame)
    data = images.some(looked.rows[list(rows)].tolist())
    drawn = zip(rows, frame["id"], captions, data, strict=True)
    return {row: ReportPicture(name, caption, thumbnail(each)) for row, name, caption, each in drawn}
