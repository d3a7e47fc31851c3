"""How a set numbers its classes."""

from collections.abc import Sequence

from pandas.api.types import is_numeric_dtype

from synthgen.errors import UsageError
from synthgen.sets.files import PATHS, FileSet
from synthgen.sets.frame import named_label, words
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
    label, numbers = named_label(found)
    names = numbered_classes(found, label, numbers)
    if names is None:
        names = tuple(sorted(words(found.table([label])[label]).dropna().unique()))
    if different := difference_of_classes(names, classes):
        raise UsageError(f"{found.source}: {different}", hint=f"Name a set with the same classes. {_LIST}")
    return names


def numbered_classes(found: ImageSet, label: str, numbers: str | None = None) -> tuple[str, ...] | None:
    """Return the classes of a column in the order of their numbers; None if it has names only.

    Args:
        numbers: another column with the number of each: see `named_label`.

    Raises:
        UsageError: its files number them in several ways, or the numbers are not read.
    """
    if isinstance(found, FileSet) and found.numbered:
        return found.numbered
    if numbers is not None:
        pairs = found.table([label, numbers]).drop_duplicates()
        order = {name: int(number) for name, number in zip(words(pairs[label]), words(pairs[numbers]), strict=True)}
        return tuple(sorted(order, key=lambda name: order[name]))
    if isinstance(found, ParquetSet | HubSet):
        parts = found.numbered(label)
        if different := [place for place, names in parts if names != parts[0][1]]:
            what = f"{found.source} numbers its classes in several ways: {parts[0][0]} and {different[0]}"
            raise UsageError(what, hint=_LIST)
        return parts[0][1] if parts else None
    if label in found.label_columns and not isinstance(found, TarSet):
        raise UsageError(f"{found.source}: its metadata number the classes, and only their names are read", hint=_LIST)
    return None


def are_bare_numbers(found: ImageSet, label: str) -> bool:
    """Tell whether the classes of a column are numbers that nothing names. Folders called 0, 1, .. are names."""
    if label in found.label_columns and not isinstance(found, TarSet):
        return False
    if isinstance(found, FileSet) and found.numbered:
        return False
    column = found.table([label])[label]
    named = words(column)
    if not named.str.fullmatch(r"[0-9]+").all():
        return False
    if places := [name for name in PATHS if name in found.columns]:
        above = found.table(places[:1])[places[0]].astype("string").str.extract(r"([^/]+)/[^/]*$")[0]
        if (above.fillna("") == named).all():
            return False
    return isinstance(found, FileSet | TarSet) or is_numeric_dtype(column)
