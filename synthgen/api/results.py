"""`results.json`: the files made from a run's shards, by name and sha256, and the inputs of the contact sheet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import file_digest, sha256
from pathlib import Path

from synthgen.errors import StorageError
from synthgen.files import MissingFileError, write_file
from synthgen.planning import Plan
from synthgen.records import ShardRecord
from synthgen.running import Damage
from synthgen.seal import seal, unseal
from synthgen.store import RunStore
from synthgen.store.layout import RESULTS
from synthgen.store.store import check_name
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
    write_file(folder / RESULTS, seal(json.dumps(asdict(results), indent=1)).encode())


def sheet_fingerprint(planned: Plan, records: Sequence[ShardRecord]) -> str:
    """Return a fingerprint that is equal for sheets that show the same."""
    quotas = {name: kind.count for name, kind in planned.spec.classes.items()}
    facts = [__version__, planned.fingerprint, quotas, sorted(record.ledger.sha256 for record in records)]
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
        return [Damage(RESULTS, error.message)]
    except ValueError as error:
        return [Damage(RESULTS, f"is damaged, or of another version: {error}")]
    return []


def _parsed(data: bytes) -> Results:
    content, _ = unseal(data.decode())
    try:
        results = Results(**content)
        for name, digest in results.files.items():
            check_name(name, RESULTS)
            if not isinstance(digest, str):
                raise TypeError(f"{name} has no sha256")
    except (TypeError, AttributeError, StorageError) as error:
        raise ValueError(str(error)) from error
    return results
