"""Checks of the settings that images draw."""

from collections.abc import Iterator, Mapping

from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.control_checks import CONTROL
from synthgen.spec.fixed import CHOSEN
from synthgen.spec.place import KEY, Path
from synthgen.spec.rules import range_complaint, range_of
from synthgen.spec.sampling import MOST
from synthgen.spec.source_checks import TASK

_BOUNDS = {"steps": (1, 1000), "guidance": (0, 50), "strength": (0.001, 1)}


def check_sampling(spec: Data) -> Iterator[Violation]:
    """Yield choices of settings that have a value twice, ranges that have no numbers, and what takes no choices."""
    model = mapping(spec, "model")
    if model.get("strength") is not None and spec.get("task", TASK) in (TASK, CONTROL):
        what = "it acts only where images begin from pictures: set task: image-to-image and a source, or remove it"
        yield Violation(("model", "strength", KEY), what)
    if model.get("image_guidance") is not None and spec.get("task", TASK) != "edit":
        what = "it acts only where pictures are edited: set task: edit and a source, or remove it"
        yield Violation(("model", "image_guidance", KEY), what)
    for key in CHOSEN:
        value = model.get(key)
        path: Path = ("model", key)
        if isinstance(value, list | tuple | Mapping) and str(model.get("id")).startswith("plugin:"):
            yield Violation((*path, KEY), "a generator of an installed package takes one value, and no choice")
        elif isinstance(value, list | tuple):
            yield from _twice(path, [_meant(one) for one in value], [(place,) for place in range(len(value))])
        elif isinstance(value, Mapping) and key in _BOUNDS and "range" in value:
            yield from _range(key, value)
        elif isinstance(value, Mapping):
            yield from _twice(path, [_meant(one) for one in value], [(str(one), KEY) for one in value])


def _twice(path: Path, values: list[str], places: list[Path]) -> Iterator[Violation]:
    for index, place in enumerate(places):
        if values[index] in values[:index]:
            yield Violation(
                (*path, *place), f"{values[index]} is there twice; to draw it more often, give it a larger weight"
            )


def _meant(value: object) -> str:
    """Return what equal values have in common: 2 and 2.0, and a square and its side."""
    text = str(value)
    try:
        return f"{float(text):g}"
    except ValueError:
        width, _, height = text.partition("x")
        return width if width == height else text


def _range(key: str, value: Data) -> Iterator[Violation]:
    path, (least, most) = ("model", key, "range"), _BOUNDS[key]
    if complaint := range_complaint(value):
        yield Violation(path, complaint)
        return
    numbers = [float(text) for text in range_of(value)]
    if any(not least <= number <= most for number in numbers):
        yield Violation(path, f"expected numbers from {least} to {most}")
    elif len(numbers) > MOST:
        yield Violation(path, f"it has {len(numbers):,} numbers; expected at most {MOST:,}: give it a larger 'step'")
    elif key == "steps" and any(number % 1 for number in numbers):
        yield Violation(path, "expected whole numbers: images take no half steps")
