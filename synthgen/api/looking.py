"""The looks at a pilot's labels, kept in the pilot's folder."""

from collections.abc import Mapping
from pathlib import Path

from synthgen.bounded import read_bounded
from synthgen.files import as_storage_error, refuse_links, write_file
from synthgen.judging.calibration.looks import Looks
from synthgen.store.layout import LOOKS


def take_look(folder: Path, prints: Mapping[str, str]) -> dict[str, int]:
    """Take a look at each class, and return its number. It is kept before anybody sees the result.

    Args:
        prints: by class, the fingerprint of what is looked at.

    Raises:
        UsageError: the file of looks is damaged.
        StorageError: it cannot be read or written.
    """
    file = folder / LOOKS
    refuse_links(folder, file)
    with as_storage_error(file):
        looks = Looks.from_json(read_bounded(file).decode("utf-8"), str(file)) if file.exists() else Looks({})
    before, numbers = looks, {}
    for name, each in prints.items():
        looks, numbers[name] = looks.taken(name, each)
    if looks != before:
        write_file(file, looks.to_json().encode())
    return numbers
