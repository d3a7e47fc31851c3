"""What the Hugging Face types of a table say: which column is the image, which are labels."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from synthgen.errors import UsageError
from synthgen.images import LeftOut
from synthgen.sets.own_folder import Opener

if TYPE_CHECKING:
    from datasets import Features

LABELS = ("label", "labels", "class", "class_name", "category", "target")
"""The columns that may contain the class, the likeliest first; a column of type ClassLabel comes before all others."""
IMAGES = ("image", "img", "picture", "photo")
_PATHS = (*IMAGES, "image_path", "file_name", "filename", "filepath", "path", "file")
_NO_IMAGE = LeftOut("that cannot be opened", "there is none in the row")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one part of a set: of a Parquet file, or of a split.

    Attributes:
        place: the name of the part in messages.
        types: the Arrow type of every column.
        names: for each column of class labels, the names of the classes, in the order of their numbers in this part.
        image: the column of images; None if there is none.
        given: columns with one value for the whole part, from the names of its folders.
    """

    place: str
    types: Mapping[str, pa.DataType]
    names: Mapping[str, tuple[str, ...]]
    image: str | None
    given: Mapping[str, str | None] = field(default_factory=dict)


def columns_of(place: str, features: "Features") -> Columns:
    """Return the columns of a split, from its `datasets.Features`."""
    schema = features.arrow_schema
    names = {name: tuple(found) for name in features if (found := _names_of(features[name]))}
    return Columns(place, {name: schema.field(name).type for name in features}, names, _image_column(features))


def columns_of_file(place: str, schema: pa.Schema, given: Mapping[str, str | None] | None = None) -> Columns:
    """Return the columns of a Parquet file, and those that the names of its folders give.

    Each column is read on its own. A type that `datasets` does not know, such as a map or a UUID, is no problem unless
    that column is asked for. Without images in it, a column of paths names them.

    Raises:
        UsageError: two columns have the same name.
    """
    if twice := [name for name in schema.names if schema.names.count(name) > 1]:
        raise UsageError(f"{place}: two columns are called {twice[0]!r}", hint="Give each column a name of its own.")
    declared = _declared(schema)
    features = {each.name: _feature(each, declared.get(each.name)) for each in schema}
    names = {name: tuple(found) for name, feature in features.items() if (found := _names_of(feature))}
    given = given or {}
    types = {each.name: each.type for each in schema}
    folders = {name: pa.null() if value is None else pa.string() for name, value in given.items()}
    image = _image_column(features) or next((name for name in _PATHS if name in types and is_text(types[name])), None)
    names = {name: found for name, found in names.items() if name not in given}
    return Columns(place, {**types, **folders}, names, image, given)


def encoded(value: object, opener: Opener) -> bytes | LeftOut:
    """Return the bytes of an image as stored in Arrow: bytes, a path, or a mapping of both."""
    if isinstance(value, dict):
        data, path = value.get("bytes"), value.get("path")
        value = path if data is None else data
    if isinstance(value, bytes):
        return value or _NO_IMAGE
    return opener.read(value) if isinstance(value, str) and value else _NO_IMAGE


def _image_column(features: Mapping[str, object]) -> str | None:
    """Find the column of images by its type, or else by its name among columns that could contain encoded images."""
    from datasets import Image

    if typed := [name for name, feature in features.items() if isinstance(feature, Image)]:
        return next((name for name in IMAGES if name in typed), typed[0])
    return next((name for name in IMAGES if name in features and _holds_bytes(features[name])), None)


def _names_of(feature: object) -> list[str] | None:
    """Return the class names of a column of class labels; None for any other column."""
    from datasets import ClassLabel

    return list(feature.names) if isinstance(feature, ClassLabel) and feature.names else None


def _declared(schema: pa.Schema) -> Mapping[str, object]:
    """Read the types that `datasets` wrote into the file in addition to Arrow's own."""
    try:
        found = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _feature(column: pa.Field, declared: object) -> object:
    from datasets import Features

    column = column.with_type(_without_views(column.type))
    for features in ({column.name: declared}, {}):
        metadata = json.dumps({"info": {"features": features}})
        try:
            return Features.from_arrow_schema(pa.schema([column], {"huggingface": metadata}))[column.name]
        except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError):
            continue  # a type of a newer version, or of another tool
    return None


def _without_views(kind: pa.DataType) -> pa.DataType:
    """Return the type with views of texts and bytes as plain ones, since `datasets` may not know views."""
    if pa.types.is_struct(kind):
        return pa.struct([each.with_type(_without_views(each.type)) for each in kind])
    if pa.types.is_binary_view(kind):
        return pa.binary()
    return pa.string() if pa.types.is_string_view(kind) else kind


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column of this type holds texts."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _holds_bytes(feature: object) -> bool:
    if isinstance(feature, dict):
        return "bytes" in feature
    return getattr(feature, "dtype", None) in ("binary", "large_binary")
