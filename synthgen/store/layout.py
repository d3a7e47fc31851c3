"""The layout of a run: the names of its files, and of those beside it that follow from one."""

import re
import secrets
from pathlib import PurePosixPath

PLAN = "plan.json"
SPEC = "spec.yaml"
"""As its author wrote it."""
RESOLVED = "spec.resolved.yaml"
"""The same with everything worked in, and all defaults."""
ADDITIONS = "additions"
CHANGES = "changes"
DECISIONS = "decisions"
SOURCES = "sources"
IMAGES = "shards"
LEDGER = "ledger"
DONE = "done"
FAILED = "failed"
JOURNAL = "journal"

DATASET = "dataset"
SUMMARY = "synthgen.json"
"""In the dataset's folder: says what the dataset holds."""
CARD = "README.md"
"""In the dataset's folder."""
CROISSANT, CONTACT = "croissant.json", "contact-sheet.jpg"
"""In the dataset's folder: its metadata for programs, and a few of its images for people."""
ORIGIN = "provenance.json"
"""In the dataset's folder: what it was made by, for programs."""
SHEET = "report.html"
RESULTS = "results.json"
PAGES = "sheet"
"""The folder of the contact sheet that shows every picture."""

AUDIT = "audit"
AUDIT_JSON = "audit.json"
AUDIT_REPORT = "report.html"
EMBEDDINGS = "embeddings"
"""In an audit's folder, as the two before."""
EVALUATION = "evaluation"
EVALUATION_JSON = "evaluation.json"

CALIBRATION = "calibration.json"
CALIBRATION_PLOT = "calibration.svg"
LABELS = "labels.csv"
TO_LABEL = "to-label.html"
LOOKS = "looks.json"
"""In a pilot's folder, as the four before."""

_MARKER = re.compile(rf"{DONE}/(\d{{5,}})\.json")
_CHANGE = re.compile(rf"{CHANGES}/(\d{{5,}})\.json")
_JOURNAL = re.compile(rf"{JOURNAL}/(\d{{5,}})-[0-9a-f]{{16}}\.parquet")
_FAILURE = re.compile(rf"{FAILED}/(\d{{5,}})-[0-9a-f]{{16}}\.json")


def marker(shard: int) -> str:
    return f"{DONE}/{shard:05d}.json"


def in_dataset(name: str) -> str:
    """Name a file of the dataset, as the dataset itself names it, relative to the run."""
    return f"{DATASET}/{name}"


def of_dataset(name: str) -> str | None:
    """Name a file of the run relative to the dataset; None if it lies elsewhere."""
    return name.removeprefix(f"{DATASET}/") if name.startswith(f"{DATASET}/") else None


def is_file_name(name: str) -> bool:
    """Whether this names a file inside the dataset and nowhere else, by characters that every store takes."""
    parts = PurePosixPath(name).parts
    return "/".join(parts) == name and bool(parts) and all(map(_is_part, parts))


def _is_part(part: str) -> bool:
    return part.isascii() and part[:1] not in (".", "") and all(letter.isalnum() or letter in "._-" for letter in part)


def addition(number: int) -> str:
    """Name an addition, counting from 1."""
    return f"{ADDITIONS}/{number:05d}.json"


def change(number: int) -> str:
    """Name the keys that a resumption changed, counting from 1."""
    return f"{CHANGES}/{number:05d}.json"


def decision(number: int) -> str:
    """Name a decision of a reviewer, counting from 1."""
    return f"{DECISIONS}/{number:05d}.json"


def number_of_change(name: str) -> int:
    """Return the number in such a name; 0 if it is another kind of name."""
    found = _CHANGE.fullmatch(name)
    return int(found[1]) if found else 0


def sources(sha256: str) -> str:
    """Name the table of the pictures that a run begins from, by the sha256 of its rows."""
    return f"{SOURCES}/{sha256[:16]}.parquet"


def new_name(folder: str, shard: int, suffix: str) -> str:
    """Make a name that was never used before, whatever the clock says: `shards/00007-0f3c9a1e5b7d2468.parquet`."""
    return f"{folder}/{shard:05d}-{secrets.token_hex(8)}.{suffix}"


def new_failure(shard: int | None) -> str:
    """Make a name for a failure of a shard, or of a worker, such as `failed/worker-0f3c9a1e5b7d2468.json`."""
    return f"{FAILED}/worker-{secrets.token_hex(8)}.json" if shard is None else new_name(FAILED, shard, "json")


def is_worker_failure(name: str) -> bool:
    return re.fullmatch(rf"{FAILED}/worker-[0-9a-f]{{16}}\.json", name) is not None


def is_table(name: str, folder: str, shard: int) -> bool:
    """Whether a marker of `shard` may name this file. Any other could lead out of the run."""
    return re.fullmatch(rf"{folder}/{shard:05d}-[0-9a-f]{{16}}\.parquet", name) is not None


def is_temporary(name: str) -> bool:
    """Whether a file is still being created, or was left by a process that was killed while it did."""
    return name.rpartition("/")[2].startswith(".")


def shard_of_marker(name: str) -> int | None:
    """Read the shard off a marker's name; None for anything else, such as a temporary file."""
    return _number(_MARKER, name)


def shard_of_journal(name: str) -> int | None:
    return _number(_JOURNAL, name)


def shard_of_failure(name: str) -> int | None:
    return _number(_FAILURE, name)


def _number(pattern: re.Pattern[str], name: str) -> int | None:
    match = pattern.fullmatch(name)
    return int(match[1]) if match else None
