"""Columns of a saved dataset whose types only a newer `datasets` knows: the others are read without them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from synthgen.sets.hub import Split

_ERRORS = (ValueError, TypeError, KeyError, AttributeError)
"""What `datasets` raises for a type that it does not know."""


def unknown_types(features: object) -> dict[str, str]:
    """Return the columns whose type `datasets` does not know, each with that type's name."""
    from datasets import Features

    found: dict[str, str] = {}
    for name, feature in features.items() if isinstance(features, Mapping) else ():
        try:
            Features.from_dict({name: feature})
        except _ERRORS:
            kind = feature.get("_type") if isinstance(feature, Mapping) else None
            found[name] = kind if isinstance(kind, str) else "without a name"
    return found


def load_without(
    files: Sequence[Path], indices: Sequence[Path], features: Mapping[str, object], unknown: Mapping[str, str]
) -> Split:
    """Load the other columns of a split from its Arrow files.

    Args:
        indices: files of the rows to take, and their order, if only some of them belong to the split.
        features: the types of all columns, as in dataset_info.json.

    Raises:
        OSError, pa.ArrowException: a file cannot be read.
        KeyError: a file lacks a column.
    """
    from datasets import Dataset
    from datasets.table import InMemoryTable

    known = {name: feature for name, feature in features.items() if name not in unknown}
    told = {"huggingface": json.dumps({"info": {"features": known}})}
    table = pa.concat_tables([_mapped(file).select(list(known)) for file in files]).replace_schema_metadata(told)
    rows = InMemoryTable(pa.concat_tables([_mapped(file) for file in indices])) if indices else None
    return Dataset(InMemoryTable(table), indices_table=rows)


def _mapped(file: Path) -> pa.Table:
    """Open a file without reading it into memory."""
    return pa.ipc.open_stream(pa.memory_map(str(file))).read_all()
