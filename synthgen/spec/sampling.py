"""Settings that may differ between images: one value, several with weights, or a range of numbers."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, GetCoreSchemaHandler, Tag
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from synthgen.spec.fields import SchedulerName, Section, Side, Weight
from synthgen.spec.rules import range_of

MOST = 1000
"""Values of one setting."""
_ONE, _LIST, _WEIGHTS, _RANGE = "<one>", "<choices>", "<weights>", "<range>"
_SIDES = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")


class NumberRange(Section):
    """Numbers of which one is drawn, each as often as the others."""

    range: Annotated[tuple[int | float, ...], Field(strict=False, min_length=2, max_length=2)] = Field(
        description="The first and the last of the numbers, both included."
    )
    step: Annotated[float, Field(gt=0)] | None = Field(
        None, description="The step of the range. Default: 1, or the last of its 'decimals'."
    )
    decimals: Annotated[int, Field(ge=0, le=9)] | None = Field(
        None, description="Digits after the point that numbers of the range have."
    )


def _form(value: object) -> str:
    if isinstance(value, NumberRange) or (isinstance(value, Mapping) and "range" in value):
        return _RANGE
    if isinstance(value, Mapping):
        return _WEIGHTS
    return _LIST if isinstance(value, list | tuple) else _ONE


def _form_of_names(value: object) -> str:
    return _WEIGHTS if isinstance(value, Mapping) else _form(value)


def _number(key: object) -> object:
    """Read a number that is the key of a mapping, and so a text."""
    if isinstance(key, str) and re.fullmatch(r"\d+", key):
        return int(key)
    return float(key) if isinstance(key, str) and re.fullmatch(r"\d+\.\d*|\.\d+", key) else key


def sides_of(size: int | str) -> tuple[int, int]:
    """Return width and height of a size.

    Example:
        >>> sides_of("512x768"), sides_of(64)
        ((512, 768), (64, 64))
    """
    if isinstance(size, int):
        return size, size
    width, _, height = size.partition("x")
    return int(width), int(height)


def _pair(value: str) -> str | int:
    """Check a width and a height; a square is its side."""
    match = _SIDES.fullmatch(value)
    if match is None:
        raise PydanticCustomError("expected", "a side in pixels, or width and height such as '512x768'")
    sides = int(match[1]), int(match[2])
    if any(side % 8 or not 16 <= side <= 4096 for side in sides):
        raise PydanticCustomError("expected", "sides that are multiples of 8, from 16 to 4096")
    return sides[0] if sides[0] == sides[1] else value


def _weighed(value: object) -> object:
    """Read all forms of a choice as a mapping of value to weight, and a choice of one value as the value."""
    if isinstance(value, NumberRange):
        texts = range_of(value.model_dump(exclude_none=True))[:MOST]
        value = [_number(text) for text in texts] or [value.range[0]]  # what is no range is reported by another check
    if isinstance(value, list | tuple):
        if not value:
            raise PydanticCustomError("expected", "1 or more values")
        value = dict.fromkeys(value, 1.0)
    return next(iter(value)) if isinstance(value, Mapping) and len(value) == 1 else value


_Steps = Annotated[int, Field(ge=1, le=1000)]
_Scale = Annotated[float, Field(ge=0, le=50)]
_Strength = Annotated[float, Field(ge=0.001, le=1)]
_Pair = Annotated[str, AfterValidator(_pair)]
_Size = Annotated[
    Annotated[Side, Tag("<side>")] | Annotated[_Pair, Tag("<pair>")],
    Discriminator(lambda value: "<pair>" if isinstance(value, str) else "<side>"),
]
_SizeKey = Annotated[_Size, BeforeValidator(_number)]
_Few = Field(min_length=1, max_length=MOST)
_FewOf = Field(strict=False, max_length=MOST)

_AnySteps = Annotated[
    Annotated[_Steps, Tag(_ONE)]
    | Annotated[tuple[_Steps, ...], _FewOf, Tag(_LIST)]
    | Annotated[dict[Annotated[_Steps, BeforeValidator(_number)], Weight], _Few, Tag(_WEIGHTS)]
    | Annotated[NumberRange, Tag(_RANGE)],
    Discriminator(_form),
]
_AnyScale = Annotated[
    Annotated[_Scale, Tag(_ONE)]
    | Annotated[tuple[_Scale, ...], _FewOf, Tag(_LIST)]
    | Annotated[dict[Annotated[_Scale, BeforeValidator(_number)], Weight], _Few, Tag(_WEIGHTS)]
    | Annotated[NumberRange, Tag(_RANGE)],
    Discriminator(_form),
]
_AnyStrength = Annotated[
    Annotated[_Strength, Tag(_ONE)]
    | Annotated[tuple[_Strength, ...], _FewOf, Tag(_LIST)]
    | Annotated[dict[Annotated[_Strength, BeforeValidator(_number)], Weight], _Few, Tag(_WEIGHTS)]
    | Annotated[NumberRange, Tag(_RANGE)],
    Discriminator(_form),
]
_AnyScheduler = Annotated[
    Annotated[SchedulerName, Tag(_ONE)]
    | Annotated[tuple[SchedulerName, ...], _FewOf, Tag(_LIST)]
    | Annotated[dict[SchedulerName, Weight], _Few, Tag(_WEIGHTS)],
    Discriminator(_form_of_names),
]
_AnySize = Annotated[
    Annotated[_Size, Tag(_ONE)]
    | Annotated[tuple[_Size, ...], _FewOf, Tag(_LIST)]
    | Annotated[dict[_SizeKey, Weight], _Few, Tag(_WEIGHTS)],
    Discriminator(_form_of_names),
]


class _Choice:
    """Reads a value that is written in one of several forms."""

    def __init__(self, forms: object) -> None:
        self._forms = forms

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(_weighed, handler.generate_schema(self._forms))


# Written as one value, a list (equal weights), a mapping of value to weight, or a range; read as one value, or as the
# mapping of value to weight.
Steps = Annotated[int | Mapping[int, float], _Choice(_AnySteps)]
GuidanceScale = Annotated[float | Mapping[float, float], _Choice(_AnyScale)]
Strengths = Annotated[float | Mapping[float, float], _Choice(_AnyStrength)]
Schedulers = Annotated[str | Mapping[str, float], _Choice(_AnyScheduler)]
Sizes = Annotated[int | str | Mapping[int | str, float], _Choice(_AnySize)]
