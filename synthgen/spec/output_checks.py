"""Check what a spec says about the dataset: its splits, and its format, which must be installed here."""

from collections.abc import Iterator, Mapping
from math import isclose

from synthgen.errors import UsageError
from synthgen.plugins import FORMATS, plugin
from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.own_formats import OWN_FORMATS, PARQUET


def check_output(output: Data) -> Iterator[Violation]:
    """Yield the problems of the section `output` that involve several keys, or what is installed."""
    yield from _splits(mapping(output, "splits"))
    yield from _format(output)
    yield from _quality(mapping(output, "image"))


def _splits(splits: Data) -> Iterator[Violation]:
    numbers = (share for share in splits.values() if not isinstance(share, bool))
    shares = [share for share in numbers if isinstance(share, int | float)]
    if shares and len(shares) == len(splits) and not isclose(sum(shares), 1, abs_tol=1e-6):
        yield Violation(("output", "splits"), f"expected shares that add up to 1, found {sum(shares):g}")


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
