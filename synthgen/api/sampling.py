"""A random sample of a set, to label by eye."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from synthgen.api.asking import begin
from synthgen.api.auditing import embeddings_folder, output_folder
from synthgen.api.left_out import notes_on
from synthgen.api.looking import OnProgress
from synthgen.errors import UsageError
from synthgen.spec import Spec

_LOG = logging.getLogger(__name__)


class ToLabel(NamedTuple):
    """What was drawn to be labelled.

    Attributes:
        page: an HTML page of the pictures.
        table: the CSV to fill in.
        few: classes with fewer drawn images than a correction of their own needs, and how many they have: see
            `quote.fewest_labels`.
    """

    page: Path
    table: Path
    few: Mapping[str, int]


def export_labels(
    place: str | Path,
    count: int,
    folder: Path,
    *,
    spec: Spec | Path | None = None,
    attributes: Path | None = None,
    known: Mapping[str, str] | None = None,
    label: str | None = None,
    split: str | None = None,
    images_from: Path | None = None,
    judges: Sequence[str] = (),
    cache: Path | None = None,
    device: str = "auto",
    trust: bool = False,
    seed: int = 0,
    on_progress: OnProgress = lambda name, done: None,
) -> ToLabel:
    """Draw `count` images to label by eye, equally many from each class, and write a page and a CSV of them.

    With a single judged attribute, its rarer answers are drawn more often, to measure their errors. The weights in the
    CSV compensate for this.

    Raises:
        SynthgenError: as `audit`.
    """
    import numpy as np
    import pandas as pd

    from synthgen.auditing.labelled import draw_sample
    from synthgen.auditing.quote import fewest_labels
    from synthgen.pages.audit_labels import PAGE, LabelSample, write_labelling
    from synthgen.sets import thumbnail

    cached = cache or embeddings_folder(output_folder(place))
    begun = begin(str(place), spec, attributes, known or {}, label, split, judges, cached, device, trust, images_from)
    judged = list(begun.question.attributes)
    if not judged:
        raise UsageError("there is nothing to label: no attribute is judged", hint="Give --spec or --attributes.")
    if not begun.subject.images.has_images:
        raise UsageError(f"{begun.subject.images.source} has no images to label")

    images, looked = seen = begun.look(on_progress)
    for note in notes_on(seen):
        _LOG.warning("%s", note)

    frame = looked.frame
    drawn = draw_sample(frame, count, seed, judged if len(judged) == 1 else ())
    # The order of the strata would reveal the judge's answers.
    drawn = drawn.iloc[np.random.default_rng(seed).permutation(len(drawn))].reset_index(drop=True)

    places = looked.rows[pd.Index(frame["id"]).get_indexer(pd.Index(drawn["id"]))]
    pictures = dict(zip(np.sort(places).tolist(), images.some(np.sort(places).tolist()), strict=True))
    thumbnails = [thumbnail(pictures[place], 256) for place in places.tolist()]
    columns = drawn["id"].tolist(), drawn["label"].tolist(), drawn["weight"].tolist(), thumbnails
    samples = [LabelSample(*row) for row in zip(*columns, strict=True)]

    values = {name: tuple(begun.question.attributes[name].values) for name in judged}
    table = write_labelling(samples, values, folder, f"{images.name}: what do you see?")
    drawn_of = Counter(each.label for each in samples)
    sizes = Counter(frame["label"])
    few = {name: drawn_of[name] for name in sorted(sizes) if drawn_of[name] < fewest_labels(sizes[name])}
    return ToLabel(folder / PAGE, table, few)
