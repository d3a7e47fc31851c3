"""The pictures that a run begins from: `sources/0f3c9a1e5b7d2468.parquet`, named by the sha256 that its plan has."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from io import BytesIO

from synthgen.errors import StorageError
from synthgen.files import MissingFileError, as_damage
from synthgen.planning import Plan, SourceRows, Sources
from synthgen.planning.sources import digest_of_rows, fields_of
from synthgen.records import SourceRow
from synthgen.regions.carried import Corners
from synthgen.store import layout
from synthgen.store.store import RunStore

_COLUMNS = ("id", "class_name", "digest", "group", "boxes", "mask", "kept")
"""Those of `SourceRow`, in its order."""
_AGAIN = "`synthgen run SPEC` on this run writes it again, as long as the pictures are the same."


def with_sources(plan: Plan, store: RunStore) -> Plan:
    """Return the plan of a run with the rows of its pictures, which are read when they are asked for."""
    if (there := plan.sources) is None:
        return plan
    return replace(plan, sources=replace(there, rows=SourceRows(lambda: read_sources(store, there))))


def keep_sources(store: RunStore, plan: Plan) -> None:
    """Write the rows of a plan's pictures, unless they are there.

    Raises:
        StorageError: they cannot be written, or read from where they come from.
    """
    if plan.sources is None:
        return
    name = layout.sources(plan.sources.sha256)
    try:
        read_sources(store, plan.sources)
    except StorageError:
        store.delete(name)
        store.create(name, _as_parquet(plan.sources.rows.all))


def source_faults(store: RunStore, plan: Plan) -> Iterable[tuple[str, StorageError]]:
    """Read the rows again: the file's name and what is wrong with it, if something is."""
    if plan.sources is not None:
        try:
            read_sources(store, plan.sources)
        except StorageError as error:
            yield layout.sources(plan.sources.sha256), error


def read_sources(store: RunStore, sources: Sources) -> Sequence[SourceRow]:
    """Read the rows of a run's pictures.

    Raises:
        StorageError: the file is missing, damaged, or not the one that the plan names.
    """
    import pyarrow.parquet as pq

    name = layout.sources(sources.sha256)
    place = f"{store.location}/{name}"
    try:
        with store.open(name) as file, as_damage(place):
            table = pq.ParquetFile(file).read()
            columns = [table[name].to_pylist() for name in _COLUMNS[: table.num_columns]]
            rows = [_row(*values) for values in zip(*columns, strict=True)]
            digest = digest_of_rows(rows)
    except MissingFileError as error:
        raise StorageError(f"{place} is missing: it names the pictures of this run", hint=_AGAIN) from error
    if digest != sources.sha256:
        raise StorageError(f"{place} is damaged: its rows are not those that the run was planned with", hint=_AGAIN)
    return rows


def _row(
    name: str, class_name: str, digest: str, group: str, boxes: Sequence[Corners] = (), mask: str = "", kept: str = ""
) -> SourceRow:
    return SourceRow(name, class_name, digest, group, tuple((a, b, c, d) for a, b, c, d in boxes), mask, kept)


def _as_parquet(rows: Sequence[SourceRow]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = fields_of(rows)
    types = {"boxes": pa.list_(pa.list_(pa.float64()))}
    arrays = [
        pa.array([row[place] for row in rows], types.get(name, pa.string()))
        for place, name in enumerate(_COLUMNS[:fields])
    ]
    file = BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, [*_COLUMNS[:fields]]), file, compression="zstd")
    return file.getvalue()
