"""The rows of a set as Arrow has them: with their types, and a few at a time."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from synthgen.errors import UsageError
from synthgen.sets.hub import HubSet
from synthgen.sets.image_set import BATCH, ImageSet
from synthgen.sets.parquet import ParquetSet


def arrow_schema(found: ImageSet, columns: Sequence[str]) -> pa.Schema:
    """Return the types of columns of a set, in plain forms: texts are `string`, a column of nothing too.

    Raises:
        UsageError: a column holds values of several types.
    """
    if isinstance(found, ParquetSet | HubSet):
        types = [found.arrow_types(name) for name in columns]
    else:
        types = [[_as_arrow(found, name).type] for name in columns]
    return pa.schema([_shared(found, name, kinds) for name, kinds in zip(columns, types, strict=True)])


def arrow_rows(found: ImageSet, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the columns of `schema` for every row, at most `BATCH` rows at a time, in the order of the set.

    Columns of class labels hold their numbers: ask `ImageSet.table` for their names.

    Raises:
        StorageError: the set cannot be read.
        UsageError: a column does not hold what `schema` says.
    """
    if isinstance(found, ParquetSet | HubSet):
        tables = found.arrow(schema.names)
    else:
        whole = pa.table({name: _as_arrow(found, name) for name in schema.names})
        tables = (whole.slice(begin, BATCH) for begin in range(0, len(whole), BATCH))
    for table in tables:
        try:
            yield pa.table([_cast(table[field.name], field.type) for field in schema], schema=schema)
        except (pa.ArrowException, ValueError) as error:
            what = f"{found.source} has a column that cannot be read: {error}"
            raise UsageError(what, hint="Leave that column out, or write it as text.") from error


def plain(kind: pa.DataType) -> pa.DataType:
    """Return the plain form of a type: a dictionary's values, one kind of texts and lists, without extensions."""
    if isinstance(kind, pa.BaseExtensionType):
        return plain(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return plain(kind.value_type)
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(each.name, plain(each.type)) for each in kind])
    return kind


def _shared(found: ImageSet, name: str, kinds: Sequence[pa.DataType]) -> pa.Field:
    fields = [pa.schema([pa.field(name, plain(kind))]) for kind in kinds]
    try:
        return pa.field(name, plain(pa.unify_schemas(fields, promote_options="permissive").field(0).type))
    except pa.ArrowException as error:
        what = f"column {name!r} of {found.source} has several types: {error}"
        raise UsageError(what, hint="Leave that column out, or write it as text.") from error


def _as_arrow(found: ImageSet, name: str) -> pa.Array:
    column = found.table([name])[name]
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError) as error:
        what = f"column {name!r} of {found.source} holds values of several types: {error}"
        raise UsageError(what, hint="Leave that column out, or write it as text.") from error


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(whole.type, pa.BaseExtensionType):
        whole = whole.storage
    return whole if whole.type == kind else whole.cast(kind)
