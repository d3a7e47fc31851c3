"""Check what a spec says about the dataset: its splits, and its format, which must be installed here."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isclose

from synthgen.errors import UsageError
from synthgen.plugins import FORMATS, plugin
from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.own_formats import OWN_FORMATS, PARQUET
from synthgen.spec.splits import REST

_CLOSE = 1e-6
_ALL = "all"
"""What `datasets` calls all splits together: it loads no split of this name."""

_NAMED = 5
"""So many classes are named."""


def check_output(spec: Data) -> Iterator[Violation]:
    """Yield the problems of the section `output` that involve several keys, or what is installed."""
    output, classes = mapping(spec, "output"), mapping(spec, "classes")
    yield from _splits(mapping(output, "splits"), _total(classes))
    yield from _format(output)
    yield from _labels(output.get("labels"), [*classes])
    yield from _quality(mapping(output, "image"))


def _total(classes: Data) -> int | None:
    """Add up the images of all classes; None if a number is wrong, which is reported elsewhere."""
    counts = [kind.get("count") if isinstance(kind, Mapping) else kind for kind in classes.values()]
    whole = [count for count in counts if isinstance(count, int) and count > 0]
    return sum(whole) if whole and len(whole) == len(counts) else None


def _splits(splits: Data, total: int | None) -> Iterator[Violation]:
    """Find what is wrong with the sizes of splits. A number up to 1 is a share, a larger one a number of images."""
    place = ("output", "splits")
    if _ALL in splits:
        yield Violation((*place, _ALL), "load_dataset takes 'all' for all splits together: give the split another name")
    numbers = {
        name: size
        for name, size in splits.items()
        if isinstance(size, int | float) and not isinstance(size, bool) and _is_size(size)
    }
    rests = [name for name, size in splits.items() if size == REST]
    if len(numbers) + len(rests) < len(splits):
        return  # what is wrong with the others is reported
    shares = sum(size for size in numbers.values() if size <= 1)
    count = sum(size for size in numbers.values() if size > 1)

    if len(rests) > 1:
        yield Violation((*place, rests[1]), f"the split {rests[0]!r} has the rest of the images already")
    elif rests and shares > 1 - _CLOSE:
        yield Violation((*place, rests[0]), f"it would have no images: the others' shares are {shares:g} (1 is all)")
    elif rests and total is not None and total - count - shares * total < 1 - _CLOSE:
        taken = f"the others take {count + shares * total:,.0f} of {total:,}"
        yield Violation((*place, rests[0]), f"it would have no images: {taken}")
    elif not rests and shares and count:
        yield Violation(place, "expected 'rest' for one split, where some have a share and some a number of images")
    elif not rests and shares and not isclose(shares, 1, abs_tol=_CLOSE):
        yield Violation(place, f"expected shares that add up to 1, found {shares:g}")
    elif not rests and count and total is not None and count != total:
        more = "; one split may have the 'rest'" if count < total else ""
        yield Violation(
            place, f"expected numbers that add up to the {total:,} images of `classes`, found {count:,}{more}"
        )


def _is_size(size: float) -> bool:
    """Whether a number is a share, or a number of images; others are reported."""
    return 0 < size <= 1 or (size > 1 and float(size).is_integer())


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
