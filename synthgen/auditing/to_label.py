"""A random sample of a set, to label by eye."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from synthgen.auditing.input.audit_input import ObservedSet, open_input
from synthgen.auditing.input.audited_set import OpenRun
from synthgen.auditing.input.judges import Judges
from synthgen.auditing.input.left_out import notes_on
from synthgen.auditing.input.query import AuditQuery
from synthgen.errors import UsageError
from synthgen.events import OnProgress, ignore

if TYPE_CHECKING:
    import pandas as pd

    from synthgen.pages.audit_labels import LabelSample
    from synthgen.sets import SetSource

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


def draw_to_label(
    place: SetSource,
    count: int,
    folder: Path,
    query: AuditQuery,
    open_run: OpenRun,
    judges: Judges,
    on_progress: OnProgress = ignore,
) -> ToLabel:
    """Draw `count` images, equally many from each class, and write a page and a CSV of them into `folder`.

    Raises:
        SynthgenError: as `synthgen.audit`.
    """
    from synthgen.auditing.labelled import draw_sample
    from synthgen.auditing.quote import fewest_labels
    from synthgen.auditing.taken import place_sha256
    from synthgen.pages.audit_labels import write_labelling
    from synthgen.pages.labels import PAGE

    asked = open_input(place, query, open_run, judges)
    judged = list(asked.question.attributes)
    if not judged:
        raise UsageError("nothing to label: no attribute is judged", hint="Give `spec` or `attributes`.")
    if not asked.subject.images.has_images:
        raise UsageError(f"{asked.subject.images.source} has no images to label")

    seen = asked.look(on_progress)
    for note in notes_on(seen):
        _LOG.warning("%s", note)

    frame = seen.looked.frame
    samples = _pictured(seen, draw_sample(frame, count, query.seed, judged if len(judged) == 1 else ()), query.seed)
    values = {name: tuple(asked.question.attributes[name].values) for name in judged}
    table = write_labelling(samples, values, folder, f"{seen.images.name}: what do you see?", place_sha256(place))

    drawn_of = Counter(sample.label for sample in samples)
    sizes = Counter(frame["label"])
    few = {name: drawn_of[name] for name in sorted(sizes) if drawn_of[name] < fewest_labels(sizes[name])}
    return ToLabel(folder / PAGE, table, few)


def _pictured(seen: ObservedSet, drawn: pd.DataFrame, seed: int) -> list[LabelSample]:
    """Read the pictures of a sample and shuffle it: the order of the strata would reveal the judge's answers."""
    import numpy as np
    import pandas as pd

    from synthgen.pages.audit_labels import LabelSample
    from synthgen.sets import thumbnail

    images, looked = seen
    drawn = drawn.iloc[np.random.default_rng(seed).permutation(len(drawn))].reset_index(drop=True)

    places = looked.rows[pd.Index(looked.frame["id"]).get_indexer(pd.Index(drawn["id"]))]
    ordered = np.sort(places).tolist()
    pictures = dict(zip(ordered, images.some(ordered), strict=True))
    thumbnails = [thumbnail(pictures[place], 256) for place in places.tolist()]
    columns = drawn["id"].tolist(), drawn["label"].tolist(), drawn["weight"].tolist(), thumbnails
    return [LabelSample(*row) for row in zip(*columns, strict=True)]
