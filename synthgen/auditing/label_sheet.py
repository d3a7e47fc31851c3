"""One table of labels is one sample: what shows that it is not random for one attribute, shows it for all."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthgen.auditing.drawn_rows import removed_rows
from synthgen.auditing.label_order import misplaced
from synthgen.auditing.label_sample import doubt_of
from synthgen.auditing.labelled import read_truth
from synthgen.auditing.relations import stream
from synthgen.auditing.table import Table


def doubt_of_sheet(
    table: Table, name: str, labels: pd.DataFrame, vectors: NDArray[np.float32] | None, seed: int
) -> str | None:
    """Explain why the images labelled for an attribute cannot be a random sample; None if nothing speaks against it.

    A sheet that was sorted by one attribute is often in the order of others, too, where no test sees it. So each other
    attribute is asked that has labels of any of the same images. The arguments are those of `doubt_of`.
    """
    if removed := removed_rows(table, table.attributes[name], labels):
        return removed
    own = doubt_of(
        table,
        table.attributes[name],
        read_truth(table, labels, table.attributes[name]),
        vectors,
        stream(seed, "labels", name),
    )
    others = (other for other in table.attributes if other != name and other in labels.columns)
    for other in others if own is None else ():
        if not (labels[name].notna() & labels[other].notna()).any():
            continue
        truth = read_truth(table, labels, table.attributes[other])
        if doubt := doubt_of(table, table.attributes[other], truth, vectors, stream(seed, "labels", other)):
            return f"{doubt}, by {other} of the same images"
    return own or _misplaced(table, name, labels, seed)


def _misplaced(table: Table, name: str, labels: pd.DataFrame, seed: int) -> str | None:
    """Explain why the labels seem to be those of other rows of their table; None if nothing shows it."""
    attribute = table.attributes[name]
    truth = read_truth(table, labels, attribute)
    others = {
        other: each.codes[truth.rows]
        for other, each in table.attributes.items()
        if other != name and other in labels.columns and each.values == attribute.values
    }
    rows = truth.rows
    found = misplaced(table.label[rows], attribute.codes[rows], truth.truths, others, stream(seed, "order", name))
    return f"the labels seem to be those of other images: {found}" if found else None
