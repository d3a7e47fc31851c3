"""The fields of a record in Croissant, one for each column that its loader can read from Parquet."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

import pyarrow as pa

from synthgen.dataset.columns import column_of

Json = dict[str, object]

RECORDS = "images"
"""The name of the record set."""
_NUMBERS = {
    pa.int8(): "cr:Int8", pa.int16(): "cr:Int16", pa.int32(): "cr:Int32", pa.int64(): "cr:Int64",
    pa.uint8(): "cr:UInt8", pa.uint16(): "cr:UInt16", pa.uint32(): "cr:UInt32", pa.uint64(): "cr:UInt64",
    pa.float16(): "cr:Float16", pa.float32(): "cr:Float32", pa.float64(): "cr:Float64",
}  # fmt: skip
_PICTURE = {"bytes", "path"}
_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
"""Names that a JSON path can have as they are."""


def fields_of(schema: pa.Schema, source: str) -> tuple[list[Json], list[str]]:
    """Return a field for each column, and the names of those that no field can say.

    Args:
        source: the id of the files that the columns are in.
    """
    fields: list[Json] = []
    left_out = []
    for column in schema:
        found = _field(column, source)
        if found is None:
            left_out.append(column.name)
        else:
            fields.append(found)
    return fields, left_out


def _field(column: pa.Field, source: str) -> Json | None:
    name, kind = column.name, column.type
    place = f"{RECORDS}/{quote(name, safe='')}"
    begin: Json = {"@type": "cr:Field", "@id": place, "name": name, "description": _meaning(name)}
    extract: Json = {"fileSet": {"@id": source}, "extract": {"column": name}}

    if pa.types.is_struct(kind):
        names = {each.name for each in kind}
        if names == _PICTURE:
            return {**begin, "dataType": "sc:ImageObject", "source": {**extract, "transform": {"jsonPath": "bytes"}}}
        inner = [*_subfields(kind, begin, extract)]
        return {**begin, "subField": inner} if len(inner) == len(names) else None
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _array(kind, begin, extract)
    data_type = type_of(kind)
    if data_type is None:
        return None
    label = [data_type, "cr:Label"] if name in ("label", "class") else data_type
    return {**begin, "dataType": label, "source": extract}


def _subfields(kind: pa.StructType, begin: Mapping[str, object], extract: Mapping[str, object]) -> Iterator[Json]:
    for each in kind:
        data_type = type_of(each.type)
        if data_type is not None and _PLAIN.fullmatch(each.name):
            yield {
                "@type": "cr:Field",
                "@id": f"{begin['@id']}/{each.name}",
                "name": each.name,
                "dataType": data_type,
                "source": {**extract, "transform": {"jsonPath": each.name}},
            }


def _array(kind: pa.DataType, begin: Mapping[str, object], extract: Mapping[str, object]) -> Json | None:
    inner, shape = kind.value_type, "-1"
    while pa.types.is_list(inner) or pa.types.is_fixed_size_list(inner):
        inner, shape = inner.value_type, f"{shape},-1"
    data_type = type_of(inner)
    if data_type is None:
        return None
    return {**begin, "dataType": data_type, "isArray": True, "arrayShape": shape, "source": dict(extract)}


def type_of(kind: pa.DataType) -> str | None:
    """Name a plain type as Croissant does; None if it has no name for it."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "sc:Text"
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    return _NUMBERS.get(kind)


def _meaning(name: str) -> str:
    return column_of(name).meaning.replace("`", "")
