"""What images are wanted to be, besides of their classes: the shares of `balance`, and the values of `to`."""

from collections.abc import Iterator, Mapping

from synthgen.spec.bare import Data, mapping
from synthgen.spec.place import Path
from synthgen.spec.source_set import TO_CLASS


def wanted_in(spec: Data) -> Iterator[tuple[Path, Data]]:
    """Yield the entries of `balance`, and those of `to` as entries with one value, each with its place."""
    entries = spec.get("balance")
    for index, entry in enumerate(entries if isinstance(entries, list | tuple) else ()):
        if isinstance(entry, Mapping):
            yield ("balance", index, "attribute"), entry
    for name, value in mapping(spec, "to").items():
        if name != TO_CLASS:
            yield ("to", name), {"attribute": name, "target": {value: 1.0}}
