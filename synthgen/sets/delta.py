"""Delta tables: which of their Parquet files count is in their log, since files that were removed stay for a while."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq

from synthgen.errors import StorageError, UsageError
from synthgen.sets.own_folder import own_folder
from synthgen.sets.reading import reading

LOG = "_delta_log"
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
_EXPORT = "Export the table as plain Parquet files with the tool that wrote it, and audit these."


def live_files(folder: Path) -> list[Path]:
    """Return the files of the newest version of a table, sorted: the newest checkpoint's, and later commits'.

    Raises:
        UsageError: the table uses a feature that changes what its files mean, or its log is incomplete.
        StorageError: its log cannot be read, or a file that it names is missing.
    """
    log, own = folder / LOG, own_folder(folder)
    entries = sorted(log.iterdir())
    checkpoints = {int(match[1]): path for path in entries if (match := _CHECKPOINT.fullmatch(path.name))}
    commits = {int(match[1]): path for path in entries if (match := _COMMIT.fullmatch(path.name))}
    start = max(checkpoints, default=-1)
    later = [version for version in sorted(commits) if version > start]
    if later != list(range(start + 1, start + 1 + len(later))):
        raise UsageError(f"{log}: the log is incomplete: version {start + 1} or a later one is missing", hint=_EXPORT)

    live: dict[str, None] = {}
    for path in [*([checkpoints[start]] if checkpoints else []), *(commits[version] for version in later)]:
        own.check(path)
        for action in _of_checkpoint(path) if path.suffix == ".parquet" else _of_commit(path):
            _check(log, action)
            for key in ("add", "remove"):
                if isinstance(file := action.get(key), Mapping):
                    name = unquote(str(file.get("path")))
                    live.pop(name, None)
                    if key == "add":
                        live[name] = None
    if not live:
        raise UsageError(f"{log}: the log names no file of the table", hint=_EXPORT)
    found = sorted(folder / name for name in live)
    for path in found:
        own.check(path)
        if not path.is_file():
            raise StorageError(f"{path} is not there, but {log} names it", hint="Copy the whole table.")
    return found


def _of_checkpoint(file: Path) -> Iterator[Mapping[str, object]]:
    with reading(file):
        there = pq.read_schema(file).names
        if strange := [name for name in ("sidecar", "checkpointMetadata") if name in there]:
            raise UsageError(f"{file}: a checkpoint with {strange[0]!r} cannot be read here", hint=_EXPORT)
        columns = [name for name in ("add", "metaData") if name in there]
        for batch in pq.ParquetFile(file).iter_batches(columns=columns):
            yield from batch.to_pylist()


def _of_commit(file: Path) -> Iterator[Mapping[str, object]]:
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                action = json.loads(line) if line.strip() else {}
                if not isinstance(action, dict):
                    raise StorageError(f"{file} is damaged: a line is not a JSON object", hint=_EXPORT)
                yield action
    except (OSError, ValueError, RecursionError) as error:
        raise StorageError(f"{file} cannot be read: {error}", hint=_EXPORT) from error


def _check(log: Path, action: Mapping[str, object]) -> None:
    added, table = action.get("add"), action.get("metaData")
    if isinstance(added, Mapping) and added.get("deletionVector"):
        raise UsageError(f"{log}: rows were removed by deletion vectors, which are not read here", hint=_EXPORT)
    settings = table.get("configuration") if isinstance(table, Mapping) else None
    pairs = dict(settings) if settings else {}  # Arrow reads a map as pairs
    if pairs.get("delta.columnMapping.mode", "none") != "none":
        raise UsageError(f"{log}: its columns were renamed in the log, which is not read here", hint=_EXPORT)
