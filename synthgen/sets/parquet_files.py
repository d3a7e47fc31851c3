"""Which Parquet files of a folder are a table, and which columns the names of its folders give."""

from collections.abc import Mapping
from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from synthgen.errors import UsageError
from synthgen.sets.delta import LOG, live_files
from synthgen.sets.reading import reading

_EXPORT = "Export the table as plain Parquet files with the tool that wrote it, and audit these."
_METADATA = "metadata.parquet"


def find_files(folder: Path, split: str | None = None) -> list[Path]:
    """Find the Parquet files below `folder`. Those of a split begin with its name, or are in a folder of that name.

    Names that begin with '.' or '_' are skipped, as Spark does; so is a `metadata.parquet` that lists image files. A
    Delta table has the files that its log names.

    Raises:
        UsageError: the files are a table of Iceberg or Hudi, which alone know which of them count.
        StorageError: a Delta table's log cannot be read.
    """
    if (folder / LOG).is_dir():
        found = live_files(folder)
    else:
        if (folder / ".hoodie").is_dir() or any((folder / "metadata").glob("*.metadata.json")):
            kind = "a Hudi" if (folder / ".hoodie").is_dir() else "an Iceberg"
            raise UsageError(f"{folder} is {kind} table: which of its files count is not known here", hint=_EXPORT)
        named = (path for path in folder.rglob("*.parquet") if not _is_hidden(path.relative_to(folder)))
        found = sorted(path for path in named if not path.is_dir())  # Spark gives such names to folders
        found = [path for path in found if path.name != _METADATA or not _lists_files(path)]
    if split is None:
        return found
    return [path for path in found if path.parent.name == split or path.stem.partition("-")[0] == split]


def partition(file: Path, folder: Path | None) -> Mapping[str, str | None]:
    """Return the columns that the names of folders give, such as 'doctor' for a file below `label=doctor`.

    Values are texts as they are written: '01' stays '01'. None is the partition of missing values.
    """
    places = file.relative_to(folder).parent.parts if folder is not None else ()
    names = dict.fromkeys(part.partition("=")[0] for part in places if "=" in part)
    if not names:
        return {}
    schema = pa.schema([(name, pa.string()) for name in names])
    rules = ds.partitioning(schema, flavor="hive")
    with reading(file):
        found = ds.get_partition_keys(rules.parse("/".join((*places, file.name))))
    return {name: found.get(name) for name in names}


def _is_hidden(path: PurePath) -> bool:
    """Tell whether a name begins with '.', or with '_' where it names no partition."""
    return any(part.startswith(".") or (part.startswith("_") and "=" not in part) for part in path.parts)


def _lists_files(file: Path) -> bool:
    with reading(file):
        return "file_name" in pq.read_schema(file).names
