"""Attributes to measure on every image, and the shares that they should have."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from synthgen.spec.fields import Fraction, Section, Text, Texts, VariableName

UNKNOWN, NOT_APPLICABLE = "unknown", "not applicable"
"""The answers besides an attribute's values: the judge abstained, or the image does not have the attribute."""
ASIDE = (NOT_APPLICABLE, UNKNOWN)
"""The answers that are not values. They come last among the answers of every attribute."""

RESERVED: Mapping[str, str] = {
    "label": "the class and its score",
    "class": "the class",
    "none": "the score of 'none of these'",
    "unsafe": "the score of `safety.reject`",
    "id": "the image's id",
    "prompt": "the image's prompt",
}
"""Names that no attribute can have, and what each is reserved for: tables already have such columns."""

_CROSS = re.compile(r"\s+[x×]\s+")


def crossed_parts(name: str) -> tuple[str, ...]:
    """Split a name such as `gender x skin_tone` into the names of attributes.

    Example:
        >>> crossed_parts("gender x skin_tone")
        ('gender', 'skin_tone')
    """
    return tuple(part.strip() for part in _CROSS.split(name.strip()))


Shares = Annotated[Mapping[Text, Fraction], Field(min_length=2)]
SharesFile = Annotated[Mapping[Literal["from"], Text], Field(min_length=1)]


def _kind_of_target(value: object) -> str:
    if not isinstance(value, Mapping):
        return "<uniform>"
    return "<reference>" if list(value) == ["from"] else "<shares>"


BalanceTarget = Annotated[
    Annotated[Literal["uniform"], Tag("<uniform>")]
    | Annotated[Shares, Tag("<shares>")]
    | Annotated[SharesFile, Tag("<reference>")],
    Discriminator(_kind_of_target),
]
"""`uniform`, the share of each value, or `{from: FILE}`."""


class Attribute(Section):
    """A property to measure on every image by zero-shot classification."""

    values: Annotated[Mapping[Text, Texts], Field(min_length=2)] = Field(
        description="Each value, with one or more texts that describe it to the judge."
    )
    abstain_below: Fraction = Field(
        0.6, description="If the most likely value has a posterior below this, the answer is 'unknown'."
    )
    not_applicable: Texts | None = Field(
        None,
        description="Texts that describe images without the attribute, such as 'a picture of a car' for an attribute "
        "'hair'. Such images get the answer 'not applicable'.",
    )
    variable: VariableName | None = Field(
        None, description="The prompt variable that steers this attribute. It must have the same values."
    )

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The answers that the judge chooses from, each with its texts."""
        others = {NOT_APPLICABLE: self.not_applicable} if self.not_applicable else {}
        return {**self.values, **others}


class Balance(Section):
    """The shares of an attribute's values that accepted images must have, as measured. Several entries make joint
    cells: every combination has the product of their shares."""

    attribute: Text = Field(description="The name of an attribute of this spec.")
    within: Literal["class"] = Field("class", description="Where the shares must hold: in each class.")
    target: BalanceTarget = Field(
        "uniform",
        description="'uniform'; the share of each value, adding up to 1 (values left out get none); or {from: FILE}, "
        "a CSV or Parquet file with one row per image and a column named like the attribute, whose shares become the "
        "target, or a .json of errors that `synthgen evaluate` writes with `suggest`, whose shares do.",
    )


class GateSpec(Section):
    """A limit that an audit checks."""

    attribute: Text = Field(
        description="The name of an attribute of this spec, or several whose combinations count: 'gender x skin_tone'."
    )
    within: Literal["class", "dataset"] = Field("class", description="Check each class, or the whole dataset.")
    max_tv: Fraction = Field(description="Largest allowed total variation distance from the target shares.")
