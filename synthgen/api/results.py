"""`results.json`: the files made from a run's shards, by name and sha256, and the inputs of the contact sheet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from hashlib import file_digest, sha256
from pathlib import Path

from synthgen.errors import StorageError
from synthgen.files import MissingFileError, write_file
from synthgen.ledger.review import NO_REVIEW, Review
from synthgen.planning import Plan
from synthgen.records import ShardRecord
from synthgen.running import Damage
from synthgen.seal import is_digest, seal, unseal
from synthgen.store import RunStore
from synthgen.store.layout import RESULTS, SHEET, is_file_name, of_dataset
from synthgen.version import __version__


@dataclass(frozen=True, slots=True)
class Results:
    """The record of the files that were made from a run's shards.

    Attributes:
        sheet: a fingerprint of everything that the contact sheet was made from.
        files: the sheet and the files of the dataset, each with its sha256.
        format: which format wrote the dataset, as in `FormatOrigin`; empty if there is no dataset.
    """

    sheet: str
    files: Mapping[str, str]
    format: Mapping[str, object] = field(default_factory=dict)


def read_results(store: RunStore) -> Results | None:
    """Read the record; None if nothing was made yet, an earlier version made it, or the record is unreadable."""
    try:
        return _parsed(store.read(RESULTS))
    except (StorageError, ValueError):
        return None


def write_results(results: Results, folder: Path) -> None:
    """Write the record into `folder`.

    Raises:
        StorageError: it cannot be written.
    """
    write_file(folder / RESULTS, as_record(results))


def as_record(results: Results) -> bytes:
    """Give the content of `results.json`."""
    return seal(json.dumps(asdict(results), indent=1)).encode()


def sheet_fingerprint(planned: Plan, records: Sequence[ShardRecord], review: Review = NO_REVIEW) -> str:
    """Return a fingerprint that is equal for sheets that show the same."""
    quotas = {name: kind.count for name, kind in planned.spec.classes.items()}
    ledgers = sorted(record.ledger.sha256 for record in records)
    facts: list[object] = [__version__, planned.fingerprint, quotas, ledgers, *review.facts]
    if planned.base is not None:
        facts.append(planned.deciding())
    return sha256(json.dumps(facts).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def damaged_record(store: RunStore) -> list[Damage]:
    """List what is wrong with the record itself."""
    try:
        _parsed(store.read(RESULTS))
    except MissingFileError:
        return []
    except StorageError as error:
        return [Damage.of(RESULTS, error)]
    except ValueError as error:
        return [Damage(RESULTS, f"is damaged, or of another version: {error}")]
    return []


def _parsed(data: bytes) -> Results:
    """Parse the record. `repair` deletes files that it names, so it may name only what synthgen itself writes.

    Raises:
        ValueError: it is damaged, or names another file.
    """
    content, _ = unseal(data.decode())
    if strange := content.keys() - {one.name for one in fields(Results)}:
        raise ValueError(f"it has an entry {min(strange)!r}")
    sheet, files, origin = content.get("sheet"), content.get("files"), content.get("format", {})
    if not isinstance(sheet, str) or not isinstance(files, dict) or not isinstance(origin, dict):
        raise ValueError("expected a text `sheet`, and the objects `files` and `format`")
    for name, digest in files.items():
        if name != SHEET and not is_file_name(of_dataset(name) or ""):
            raise ValueError(f"{name!r} is not a file that synthgen writes when it finishes a run")
        if not is_digest(digest):
            raise ValueError(f"{name} has no sha256")
    return Results(sheet, files, origin)
