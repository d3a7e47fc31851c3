"""Check what a spec says about the dataset: its splits, and its format, which must be installed here."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isclose

from synthgen.errors import UsageError
from synthgen.plugins import FORMATS, plugin
from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.own_formats import OWN_FORMATS, PARQUET

_NAMED = 5
"""So many classes are named."""


def check_output(output: Data, classes: Data) -> Iterator[Violation]:
    """Yield the problems of the section `output` that involve several keys, or what is installed."""
    yield from _splits(mapping(output, "splits"))
    yield from _format(output)
    yield from _labels(output.get("labels"), [name for name in classes if isinstance(name, str)])
    yield from _quality(mapping(output, "image"))


def _splits(splits: Data) -> Iterator[Violation]:
    numbers = (share for share in splits.values() if not isinstance(share, bool))
    shares = [share for share in numbers if isinstance(share, int | float)]
    if shares and len(shares) == len(splits) and not isclose(sum(shares), 1, abs_tol=1e-6):
        yield Violation(("output", "splits"), f"expected shares that add up to 1, found {sum(shares):g}")


def _labels(labels: object, classes: Sequence[str]) -> Iterator[Violation]:
    if not isinstance(labels, list | tuple) or not all(isinstance(name, str) for name in labels):
        return
    place = ("output", "labels")
    if twice := [name for name, count in Counter(labels).items() if count > 1]:
        yield Violation(place, f"the class {twice[0]!r} is there twice")
    elif different := difference_of_classes(labels, classes):
        yield Violation(place, different)


def difference_of_classes(found: Sequence[str], classes: Sequence[str]) -> str | None:
    """Say in which classes a list differs from those of the spec; None if in none."""
    there, wanted = {*found}, {*classes}
    missing, strange = [name for name in classes if name not in there], [name for name in found if name not in wanted]
    if not missing and not strange:
        return None
    told = [f"{_some(missing)} missing"] * bool(missing) + [f"{_some(strange)} not in `classes`"] * bool(strange)
    return f"expected the classes of the spec, each once, found {' and '.join(told)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more


def _quality(image: Data) -> Iterator[Violation]:
    if image.get("quality") is not None and image.get("format", "png") == "png":
        what = "PNG keeps every pixel, and has no quality: leave it out, or set `output.image.format` to jpeg or webp"
        yield Violation(("output", "image", "quality"), what)


def _format(output: Data) -> Iterator[Violation]:
    named = output.get("format", PARQUET)
    places: dict[tuple[str | int, ...], str] = {("output", "format"): named} if isinstance(named, str) else {}
    if isinstance(named, list | tuple):
        places = {("output", "format", place): name for place, name in enumerate(named) if isinstance(name, str)}
    for place, name in places.items():
        if list(places.values()).index(name) < list(places).index(place):
            yield Violation(place, f"the format {name!r} is there twice")
            continue
        try:
            if name not in OWN_FORMATS:
                plugin(FORMATS, name, own=OWN_FORMATS)
        except UsageError as error:
            yield Violation(place, f"{error.message}. {error.hint}" if error.hint else error.message)
    options, others = output.get("format_options"), {*places.values()} - {*OWN_FORMATS}
    if isinstance(options, Mapping) and options and len(others) != 1:
        why = (
            "two plug-ins write the dataset" if others else f"{' and '.join(map(repr, places.values()))} has no options"
        )
        yield Violation(("output", "format_options"), f"expected nothing: {why}")
