"""`ClassSpec`: one class of a spec."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from synthgen.spec.choices import Choices, VariableChoices
from synthgen.spec.fields import Count, Section, Text, Texts, VariableName


class ClassSpec(Section):
    """One class: its number of images, and what it means."""

    count: Count = Field(description="Number of accepted images.")
    definition: Text | None = Field(
        None,
        description="What the class means, such as 'a cook in a tall white hat'. The judge uses it instead of the "
        "name; the generator does not.",
    )
    prompts: Texts | None = Field(
        None, description="The texts by which the judge recognises the class, instead of its own wording."
    )
    templates: Choices | None = Field(
        None, description="Prompt templates for this class only, instead of the common ones."
    )
    variables: Mapping[VariableName, VariableChoices] = Field(
        {}, description="Variables for this class only; one named like a common one takes its place."
    )
    negative_prompt: Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="What to steer away from in this class, instead of model.negative_prompt."
    )


def count_alone(value: object) -> object:
    """`doctor: 200` is short for `doctor: {count: 200}`."""
    return value if isinstance(value, Mapping | ClassSpec) else {"count": value}
