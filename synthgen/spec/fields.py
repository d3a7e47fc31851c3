"""The types of the values in a spec, with their bounds."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Field, GetCoreSchemaHandler, Tag
from pydantic_core import CoreSchema, core_schema


class Section(BaseModel):
    """A part of a spec: frozen, without unknown keys or conversions ("5" is not read as a number, nor true as 1)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


# What is expected, in words, by the pattern that a value must match.
EXPECTED: dict[str, str] = {}


def like(pattern: str, expected: str, longest: int) -> object:
    """Bound a text by a pattern, which messages put in words: errors name the pattern alone, so it has one wording."""
    assert EXPECTED.setdefault(pattern, expected) == expected, f"write the pattern {pattern} in another way"
    return Field(pattern=pattern, max_length=longest)


Text = Annotated[str, like(r"\S", "text that is not blank", 2000)]
FolderName = Annotated[
    str,
    like(
        r"^[a-z0-9]([a-z0-9._-]*[a-z0-9_-])?$",
        "a name that is safe for a folder: lower-case letters, digits, '-', '_' and '.', starting with "
        "a letter or digit and not ending in '.'",
        64,
    ),
]
VariableName = Annotated[
    str,
    like(r"^[A-Za-z_][A-Za-z0-9_]*$", "a name of letters, digits and '_', not starting with a digit", 64),
]
ClassName = Annotated[
    str, like(r"^[^\s/\\]([^/\\]*[^\s/\\])?$", "a name without slashes and without spaces at either end", 100)
]
SplitName = Annotated[
    str,
    like(r"^[a-z][a-z0-9_]*$", "a name of lower-case letters, digits and '_', starting with a letter", 64),
]
FormatName = Annotated[
    str,
    like(r"^[a-z][a-z0-9_-]*$", "a name of lower-case letters, digits, '_' and '-', starting with a letter", 64),
]
VariantName = Annotated[str, like(r"^[A-Za-z0-9_.-]+$", "a name of letters, digits, '.', '_' and '-'", 64)]
Revision = Annotated[str, like(r"^[A-Za-z0-9_./-]+$", "a branch, a tag or a commit", 200)]
SchedulerName = Annotated[
    str,
    like(r"^[A-Za-z][A-Za-z0-9]*Scheduler$", "the name of a diffusers scheduler, such as 'DDIMScheduler'", 100),
]

SettingName = Annotated[str, like(r"^[a-z][_a-z0-9]*$", "the name of a setting, such as 'timestep_spacing'", 64)]

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(gt=0, le=1_000_000)]
Side = Annotated[int, Field(ge=16, le=4096, multiple_of=8)]
Texts = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]

LIST_OR_WEIGHTS = "<list>"
_Either = Annotated[
    Annotated[Texts, Tag(LIST_OR_WEIGHTS)] | Annotated[dict[Text, Weight], Field(min_length=1), Tag("<mapping>")],
    Discriminator(lambda value: "<mapping>" if isinstance(value, Mapping) else LIST_OR_WEIGHTS),
]


class _ListOrWeights:
    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(_weights, handler.generate_schema(_Either))


def _weights(value: tuple[str, ...] | dict[str, float]) -> dict[str, float]:
    return value if isinstance(value, dict) else dict.fromkeys(value, 1.0)


# Written as a list (equal weights) or as a mapping of text to weight; always read as the mapping.
Weighted = Annotated[Mapping[str, float], _ListOrWeights()]
