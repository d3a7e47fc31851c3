"""What a prompt may say: values with weights and conditions, ranges of numbers, and files of values."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, GetCoreSchemaHandler, Tag
from pydantic_core import CoreSchema, core_schema

from synthgen.spec.fields import LIST_OR_WEIGHTS, Section, Text, Texts, Weight, Weighted, like

_SOURCES = ("values", "range", "file")


def _several(value: object) -> object:
    """Read one text as a list. One number is a list, too: the message then says that it needs quotes."""
    return (value,) if isinstance(value, str | int | float) else value


TextOrTexts = Annotated[Texts, BeforeValidator(_several, json_schema_input_type=Text | Texts)]
Conditions = Annotated[Mapping[Text, TextOrTexts], Field(min_length=1)]
"""By `class`, or the name of a variable: the values of which it must have one."""
_WHEN = "Where it is used: {class: [a, b]}, or a variable with its values. All of several must hold."


class PromptChoice(Section):
    """A template or a value that is used only under conditions."""

    weight: Weight = Field(1.0, description="How often it is drawn, compared with the others.")
    when: Conditions | None = Field(None, description=_WHEN)


_Weighed = Annotated[
    Annotated[Weight, Tag("<number>")] | Annotated[PromptChoice, Tag("<choice>")],
    Discriminator(lambda value: "<choice>" if isinstance(value, Mapping | PromptChoice) else "<number>"),
]
_Either = Annotated[
    Annotated[Texts, Tag(LIST_OR_WEIGHTS)] | Annotated[dict[Text, _Weighed], Field(min_length=1), Tag("<mapping>")],
    Discriminator(lambda value: "<mapping>" if isinstance(value, Mapping) else LIST_OR_WEIGHTS),
]


class _ListOrChoices:
    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(_choices, handler.generate_schema(_Either))


def _choices(value: tuple[str, ...] | dict[str, float | PromptChoice]) -> dict[str, float | PromptChoice]:
    """Read the forms that mean the same as one: a weight alone is written as a number."""
    if not isinstance(value, dict):
        return dict.fromkeys(value, 1.0)
    return {
        text: each.weight if isinstance(each, PromptChoice) and each.when is None else each
        for text, each in value.items()
    }


# Written as a list (equal weights) or as a mapping of text to weight or `PromptChoice`; always read as the mapping.
Choices = Annotated[Mapping[str, float | PromptChoice], _ListOrChoices()]
Suffixes = Annotated[Choices, BeforeValidator(_several, json_schema_input_type=Text | Choices)]


class ReadFrom(Section):
    """The file that values were read from."""

    file: Text = Field(description="Its name, without folders.")
    column: Text | None = Field(None, description="The column of a table.")
    sha256: Annotated[str, like(r"^[0-9a-f]{64}$", "64 hexadecimal digits", 64)] = Field(
        description="The sha256 of the file."
    )


class VariableSpec(Section):
    """A variable in its long form."""

    values: Choices | None = Field(None, description="The values: a list, or a mapping of value to weight.")
    range: Annotated[tuple[int | float, ...], Field(strict=False, min_length=2, max_length=2)] | None = Field(
        None, description="The first and the last of numbers, both included, such as [18, 65]."
    )
    step: Annotated[float, Field(gt=0)] | None = Field(
        None, description="The step of a range. Default: 1, or the last of its 'decimals'."
    )
    decimals: Annotated[int, Field(ge=0, le=9)] | None = Field(
        None, description="Digits after the point, with which numbers of a range are written."
    )
    file: Text | None = Field(
        None,
        description="A file with the values: a .txt with one on each line, or a column of a .csv or .parquet. A value "
        "that it has several times is drawn as much more often. The plan keeps them: a run never reads it again.",
    )
    column: Text | None = Field(None, description="The column of the file.")
    sha256: Annotated[str, like(r"^[0-9a-f]{64}$", "64 hexadecimal digits", 64)] | None = Field(
        None, description="The sha256 that the file must have."
    )
    read_from: ReadFrom | None = Field(
        None, description="Where 'values' came from. Written by synthgen when it reads a 'file'."
    )
    when: Conditions | None = Field(None, description=_WHEN)
    otherwise: Annotated[str, Field(max_length=2000)] | None = Field(
        None,
        description="The text where the conditions do not hold, such as ''. Default: templates with the variable are "
        "not used there.",
    )
    pick: Annotated[int, Field(ge=2, le=20)] | None = Field(
        None,
        description="Draw so many different values. A template that has the variable so often gets one at each place; "
        "one that has it once gets them as 'a, b and c'.",
    )


def is_long(value: object) -> bool:
    """Whether a variable is written in its long form, and not as values with weights."""
    keys = (*_SOURCES, "when")
    return isinstance(value, Mapping) and any(key in value and not isinstance(value[key], int | float) for key in keys)


def _shortest(value: Mapping[str, float] | VariableSpec) -> Mapping[str, float] | VariableSpec:
    """Write a variable that has nothing but values with weights in its short form."""
    if isinstance(value, VariableSpec) and value.values is not None and value == VariableSpec(values=value.values):
        weights = {text: each for text, each in value.values.items() if isinstance(each, float)}
        return weights if len(weights) == len(value.values) else value
    return value


# Values with weights, or the long form; always read as the mapping of value to weight where that says all.
VariableChoices = Annotated[
    Annotated[Weighted, Tag("<short>")] | Annotated[VariableSpec, Tag("<long>")],
    Discriminator(lambda value: "<long>" if isinstance(value, VariableSpec) or is_long(value) else "<short>"),
    AfterValidator(_shortest),
]
