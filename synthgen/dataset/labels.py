"""Labels by eye: a CSV to fill in, and what was filled in."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from synthgen.errors import StorageError, UsageError

COLUMNS = ("id", "class", "right")
_WORDS = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}


def write_labels(rows: Iterable[Mapping[str, str]], path: Path) -> bool:
    """A row for each picture, with an empty column `right`. False, and nothing written, where the file exists:
    it may hold somebody's work.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        with path.open("x", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except FileExistsError:
        return False
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    return True


def read_labels(path: Path) -> dict[str, bool]:
    """By id, whether the picture shows its class; rows that nobody filled in are left out.

    Raises:
        UsageError: it cannot be read, or a row is not understood: with its line.
    """
    hint = f"Expected a CSV with the columns {', '.join(COLUMNS)}, and yes or no in the last."
    labels: dict[str, bool] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := {"id", "right"} - set(reader.fieldnames or ()):
                raise UsageError(f"{path}:1: no column {sorted(missing)[0]!r}", hint=hint)
            for row in reader:
                word = (row["right"] or "").strip().lower()
                if word and word not in _WORDS:
                    raise UsageError(f"{path}:{reader.line_num}: expected yes or no, found {word!r}", hint=hint)
                if word:
                    labels[row["id"]] = _WORDS[word]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint=hint) from error
    return labels
