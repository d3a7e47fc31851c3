"""The bare data of a spec, as the YAML gave it: checks look at it whether or not it is valid."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from synthgen.spec.place import KEY, Path

Data = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Violation:
    """Something wrong at `path`. A path that ends in KEY points at the key."""

    path: Path
    message: str


def mapping(data: Data, key: str) -> Data:
    """Give what is under `key`, if it is a mapping; else an empty one."""
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def texts_at(path: Path, found: object) -> Iterator[tuple[Path, str]]:
    """The texts of a list or of a mapping to weights, with the path of each."""
    if isinstance(found, Mapping):
        yield from (((*path, text, KEY), text) for text in found)
    elif isinstance(found, list):
        yield from (((*path, index), text) for index, text in enumerate(found) if isinstance(text, str))
