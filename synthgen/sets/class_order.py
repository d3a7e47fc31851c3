"""How a set numbers its classes."""

from collections.abc import Sequence

from synthgen.errors import UsageError
from synthgen.sets.files import FileSet
from synthgen.sets.frame import find_label, words
from synthgen.sets.hub import HubSet
from synthgen.sets.image_set import ImageSet
from synthgen.sets.opening import open_set
from synthgen.sets.parquet import ParquetSet
from synthgen.sets.web_dataset import TarSet
from synthgen.spec.output_checks import difference_of_classes

_LIST = "Write the classes as a list in the order that you want: output.labels: [FIRST, SECOND, ..]."


def class_order(place: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Return the classes of a set in the order of their numbers; alphabetically, if it has names only, as tools do.

    Args:
        classes: those that it must have.

    Raises:
        UsageError: it cannot be opened, has other classes, or its files number them in several ways.
        StorageError: it cannot be read.
    """
    found = open_set(place)
    label = find_label(found)
    names = numbered_classes(found, label)
    if names is None:
        names = tuple(sorted(words(found.table([label])[label]).dropna().unique()))
    if different := difference_of_classes(names, classes):
        raise UsageError(f"{found.source}: {different}", hint=f"Name a set with the same classes. {_LIST}")
    return names


def numbered_classes(found: ImageSet, label: str) -> tuple[str, ...] | None:
    """Return the classes of a column in the order of their numbers; None if it has names only.

    Raises:
        UsageError: its files number them in several ways, or the numbers are not read.
    """
    if isinstance(found, FileSet) and found.numbered:
        return found.numbered
    if isinstance(found, ParquetSet | HubSet):
        parts = found.numbered(label)
        if different := [place for place, names in parts if names != parts[0][1]]:
            what = f"{found.source} numbers its classes in several ways: {parts[0][0]} and {different[0]}"
            raise UsageError(what, hint=_LIST)
        return parts[0][1] if parts else None
    if label in found.label_columns and not isinstance(found, TarSet):
        raise UsageError(f"{found.source}: its metadata number the classes, and only their names are read", hint=_LIST)
    return None
