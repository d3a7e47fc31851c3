"""The raw data of a spec, as read from YAML. Checks read it whether or not it is valid."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from synthgen.spec.place import KEY, Path

Data = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Violation:
    """A problem at `path`. A path that ends in KEY points to the key."""

    path: Path
    message: str


def mapping(data: Data, key: str) -> Data:
    """Return the mapping under `key`, or an empty one if there is none."""
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def texts_at(path: Path, found: object) -> Iterator[tuple[Path, str]]:
    """Yield the texts of a list, or of a mapping of text to weight, each with its path."""
    if isinstance(found, Mapping):
        yield from (((*path, text, KEY), text) for text in found)
    elif isinstance(found, list):
        yield from (((*path, index), text) for index, text in enumerate(found) if isinstance(text, str))
