"""What is measured on every image, and what the measured shares should be."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from synthgen.spec.fields import Fraction, Section, Text, Texts, VariableName

UNKNOWN, NOT_APPLICABLE = "unknown", "not applicable"
"""What a measured attribute may be besides its values: the judge abstained, or there is nothing to measure."""
ASIDE = (NOT_APPLICABLE, UNKNOWN)
"""The answers that are not values. They come last among the answers of every attribute."""

RESERVED: Mapping[str, str] = {
    "label": "the class, and for how well the image shows it",
    "class": "the class",
    "none": "how far the image shows none of the classes",
    "unsafe": "how far the image shows what `safety` rejects",
    "id": "the image's name",
    "prompt": "the image's prompt",
}
"""Names that no attribute can have, and why: attributes are columns beside these, in ledgers and in audits."""

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
    """Something to measure on every image, by zero-shot classification."""

    values: Annotated[Mapping[Text, Texts], Field(min_length=2)] = Field(
        description="Each value with one or more texts that describe it to the judge."
    )
    abstain_below: Fraction = Field(
        0.6, description="Posterior under which the answer is 'unknown' and not the likeliest value."
    )
    not_applicable: Texts | None = Field(
        None,
        description="Texts that describe images in which there is nothing to measure, such as 'a picture of a car' "
        "where hair is asked for; the answer is then 'not applicable'.",
    )
    variable: VariableName | None = Field(
        None, description="The prompt variable that steers this attribute; it must offer the same values."
    )

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The texts of each answer that the judge chooses from."""
        others = {NOT_APPLICABLE: self.not_applicable} if self.not_applicable else {}
        return {**self.values, **others}


class Balance(Section):
    """The shares of an attribute's values that accepted images must have, as measured. Several entries make joint
    cells: every combination has the product of their shares."""

    attribute: Text = Field(description="The name of an attribute of this spec.")
    within: Literal["class"] = Field("class", description="The shares hold in each class.")
    target: BalanceTarget = Field(
        "uniform",
        description="'uniform'; the share of each value, which make 1 together (values left out get none); or "
        "{from: FILE}, the shares of a column of the attribute's name in a CSV or Parquet file with a row for each "
        "image.",
    )


class GateSpec(Section):
    """What fails the audit."""

    attribute: Text = Field(description="The name of an attribute of this spec.")
    within: Literal["class", "dataset"] = Field("class", description="Checked in each class, or overall.")
    max_tv: Fraction = Field(description="Greatest total variation distance from the target shares.")
