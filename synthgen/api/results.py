"""`results.json`: the files made from a run's shards, by name and sha256, and the inputs of the contact sheet."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from hashlib import file_digest, sha256
from pathlib import Path

from synthgen.errors import StorageError
from synthgen.files import MissingFileError, as_storage_error, write_file
from synthgen.ledger.review import NO_REVIEW, Review
from synthgen.planning import Plan
from synthgen.records import ShardRecord
from synthgen.running import Damage
from synthgen.seal import is_digest, seal, unseal
from synthgen.store import RunStore
from synthgen.store.layout import (
    ADDITIONS,
    CHANGES,
    DECISIONS,
    DONE,
    RESULTS,
    SHEET,
    is_file_name,
    of_dataset,
)
from synthgen.store.layout import marker as shard_marker
from synthgen.version import __version__

_MOST_SHARDS = 10**7
_FOLDERS = (ADDITIONS, CHANGES, DECISIONS)
_LOST = {
    ADDITIONS: "the run grew by it; restore it from a backup",
    CHANGES: "the dataset was made with the keys that it set; restore it, or resume with the spec that you want",
    DECISIONS: "the dataset was made with it; restore it from a backup, or run again for a dataset without it",
}
_REMADE = "the dataset was made with this shard; run again to make it again"


@dataclass(frozen=True, slots=True)
class Results:
    """The record of the files that were made from a run's shards.

    Attributes:
        sheet: a fingerprint of everything that the contact sheet was made from.
        files: the sheet and the files of the dataset, each with its sha256.
        format: which format wrote the dataset, as in `FormatOrigin`; empty if there is no dataset.
        records: the names of the additions, changes and decisions that the run had then.
        shards: how many shards it had.
    """

    sheet: str
    files: Mapping[str, str]
    format: Mapping[str, object] = field(default_factory=dict)
    records: Sequence[str] = ()
    shards: int = 0


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


def sheet_fingerprint(
    planned: Plan, records: Sequence[ShardRecord], review: Review = NO_REVIEW, compared: Sequence[object] = ()
) -> str:
    """Return a fingerprint that is equal for sheets that show the same.

    Args:
        compared: what tells the sets that images are compared with from others.
    """
    quotas = {name: kind.count for name, kind in planned.spec.classes.items()}
    ledgers = sorted(record.ledger.sha256 for record in records)
    facts: list[object] = [__version__, planned.fingerprint, quotas, ledgers, *review.facts]
    if planned.base is not None:
        facts.append(planned.deciding())
    if (against := planned.spec.output.against) is not None:
        facts += [against.model_dump(mode="json"), *compared]
    return sha256(json.dumps(facts).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the sha256 of a file's content, in hex.

    Raises:
        StorageError: it cannot be read.
    """
    with as_storage_error(path), path.open("rb") as file:
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
    records, shards = content.get("records", []), content.get("shards", 0)
    if not isinstance(records, list) or not all(map(_is_record, records)):
        raise ValueError("`records` names another file than an addition, a change or a decision")
    if not isinstance(shards, int) or not 0 <= shards <= _MOST_SHARDS:
        raise ValueError(f"expected a number of `shards`, found {shards!r:.40}")
    if not isinstance(sheet, str) or not isinstance(files, dict) or not isinstance(origin, dict):
        raise ValueError("expected a text `sheet`, and the objects `files` and `format`")
    for name, digest in files.items():
        if name != SHEET and not is_file_name(of_dataset(name) or ""):
            raise ValueError(f"{name!r} is not a file that synthgen writes when it finishes a run")
        if not is_digest(digest):
            raise ValueError(f"{name} has no sha256")
    return Results(sheet, files, origin, tuple(records), shards)


def records_of(store: RunStore) -> tuple[str, ...]:
    """Name the additions, changes and decisions of a run."""
    return tuple(name for folder in _FOLDERS for name in store.names(folder) if _is_record(name))


def missing_records(store: RunStore, recorded: Results) -> list[Damage]:
    """List what a finished run had when its dataset was made, and has no more."""
    there = {*records_of(store), *store.names(DONE)}
    markers = ((shard_marker(shard), _REMADE) for shard in range(recorded.shards))
    lost = ((name, _LOST[name.partition("/")[0]]) for name in recorded.records)
    return [Damage(name, f"is missing: {why}") for name, why in (*lost, *markers) if name not in there]


def _is_record(name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(rf"({'|'.join(_FOLDERS)})/[0-9]{{5,}}\.json", name) is not None
