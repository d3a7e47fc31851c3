"""What is measured on every image, and what the measured shares should be."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from synthgen.spec.fields import Fraction, Section, Text, Texts, VariableName, Weight


class Attribute(Section):
    """Something to measure on every image, by zero-shot classification."""

    values: Annotated[Mapping[Text, Texts], Field(min_length=2)] = Field(
        description="Each value with one or more texts that describe it to the judge."
    )
    abstain_below: Fraction = Field(
        0.6, description="Posterior under which the answer is 'unknown' and not the likeliest value."
    )
    variable: VariableName | None = Field(
        None, description="The prompt variable that steers this attribute; it must offer the same values."
    )


class Balance(Section):
    """The shares that accepted images must have."""

    attribute: Text = Field(description="The name of an attribute of this spec.")
    within: Literal["class", "dataset"] = Field("class", description="Balanced in each class, or overall.")
    target: Literal["uniform"] | Annotated[Mapping[Text, Weight], Field(min_length=2)] = Field(
        "uniform", description="'uniform', or a weight for each value."
    )
    tolerance: Fraction = Field(0.05, description="How far a share may be from its target.")


class Gate(Section):
    """What fails the audit."""

    attribute: Text = Field(description="The name of an attribute of this spec.")
    within: Literal["class", "dataset"] = Field("class", description="Checked in each class, or overall.")
    max_tv: Fraction = Field(description="Greatest total variation distance from the target shares.")
