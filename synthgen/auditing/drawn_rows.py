"""Whether a table of labels still has a row for every image that was drawn."""

import numpy as np
import pandas as pd

from synthgen.auditing.findings import place_of
from synthgen.auditing.table import Answers, Table


def removed_rows(table: Table, attribute: Answers, labels: pd.DataFrame) -> str | None:
    """Explain that rows of a drawn table are missing; None if their weights show none.

    `draw_sample` gives each image the number of images that it stands for, so the weights of a class add up to its
    images. They add up to fewer if rows were removed, such as those that were hard to tell, or if images were added
    that could not be drawn. Either way, what is left is no random sample, and no comparison with empty rows shows it.
    Classes with fewer rows than answers are passed over: if few images are drawn within the answers of a class, some
    answers have none. So are tables whose weights are all 1, or that have no weights: nothing says how many were drawn.
    """
    if "weight" not in labels or table.ids is None:
        return None
    weights = pd.to_numeric(labels["weight"], errors="coerce").to_numpy(float)
    rows = table.ids.get_indexer(pd.Index(labels["id"]))
    there = (rows >= 0) & np.isfinite(weights) & (weights > 0)
    if not there.any() or (weights[there] == 1).all():
        return None

    classes = len(table.classes)
    label, weights = table.label[rows[there]], weights[there]
    counts = table.counts(attribute.name)
    images, answers = counts.sum(-1), (counts > 0).sum(-1)
    stood_for, drawn = np.bincount(label, weights, classes), np.bincount(label, minlength=classes)
    least = np.full(classes, np.inf)
    np.minimum.at(least, label, weights)
    lacking = (drawn >= answers) & (drawn > 0) & (images - stood_for >= least / 2)
    if not lacking.any():
        return None
    worst = int(np.argmax(np.where(lacking, 1 - stood_for / np.maximum(images, 1), -1.0)))
    return (
        f"the labelled images are no random sample: in {place_of(table.classes[worst])}, the rows stand for "
        f"{stood_for[worst]:,.0f} of {images[worst]:,} images by their weights, so rows were removed or images were "
        "added since; keep a row whose image you cannot label, and leave its cell empty"
    )
