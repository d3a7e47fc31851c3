"""Whether a table of labels is about the images of this set: the classes that it names are those of its images."""

from pathlib import Path

import pandas as pd

from synthgen.errors import UsageError
from synthgen.pages.audit_labels import read_classes


def check_label_classes(path: Path, frame: pd.DataFrame, argument: str) -> None:
    """Check that each row of a table of labels names the class of its image, if it names any.

    In a table of which one column was sorted alone, or which belongs to another version of the set, labels are those of
    other images, and no figure shows it.

    Args:
        frame: the rows of the set: `id` and `label`.

    Raises:
        UsageError: a row names another class.
    """
    classes = read_classes(path)
    theirs = dict(
        zip(frame["id"].astype(str), frame["label"].astype(object).where(frame["label"].notna()), strict=True)
    )
    wrong = [
        (name, written, str(theirs[name]))
        for name, written in classes.items()
        if written and isinstance(theirs.get(name), str) and written != theirs[name].strip()
    ]
    if not wrong:
        return

    name, written, own = wrong[0]
    rows = f"{len(wrong):,} of {len(classes):,} rows name" if len(wrong) > 1 else "a row names"
    what = f"{path}: {rows} another class than their image has: {name} is of class {own!r}, and here {written!r}"
    if len(wrong) == 1:
        what = what.replace("than their image", "than its image")
    hint = (
        "Was a column sorted alone, or is the table of another version of the set? Then its labels are of other images."
    )
    raise UsageError(what, argument=argument, hint=hint)
