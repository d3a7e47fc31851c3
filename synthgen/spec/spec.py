"""`Spec`: everything that the user wants, validated and frozen."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from synthgen.spec.attribute import Attribute, Balance, GateSpec
from synthgen.spec.fields import ClassName, Count, FolderName, Section, Text, Texts, VariableName, Weighted
from synthgen.spec.filters import Filters, Safety
from synthgen.spec.model import JudgeSpec, ModelSpec, default_judge
from synthgen.spec.output import Budget, Output
from synthgen.spec.template import Template

Task = Literal["text-to-image", "image-to-image", "inpaint", "outpaint", "control"]


class ClassSpec(Section):
    """One class: how many images of it, and what it is."""

    count: Count = Field(description="How many accepted images.")
    definition: Text | None = Field(
        None,
        description="What the class means, such as 'a cook in a tall white hat': told to the judge in place of the "
        "name, and not to the generator.",
    )
    prompts: Texts | None = Field(
        None, description="The texts with which the judge recognises the class, in place of its own wording."
    )
    templates: Weighted | None = Field(
        None, description="Prompt templates of this class alone, in place of the common ones."
    )


def _count_alone(value: object) -> object:
    """`doctor: 200` is short for `doctor: {count: 200}`."""
    return value if isinstance(value, Mapping | ClassSpec) else {"count": value}


def _version(value: object) -> object:
    if type(value) is int:  # true and 1.0 equal 1, but are not versions
        return value
    raise PydanticCustomError("expected", "1")


class Prompts(Section):
    """Templates, and the variables that fill them."""

    templates: Weighted | None = Field(
        None,
        description="Prompts with {class} and {variables} in braces: a list, or a mapping to weights. "
        "{{ and }} are literal braces.",
    )
    variables: Mapping[VariableName, Weighted] = Field(
        {}, description="Each variable with its values: a list, or a mapping to weights."
    )


class Spec(Section):
    """A synthgen spec: a labelled image dataset, described.

    Mappings keep the user's order, and the order of classes, templates and values is part of the meaning.
    What spans several keys is checked by `read_spec`, not here.
    """

    synthgen: Annotated[Literal[1], BeforeValidator(_version)] = Field(description="The version of the spec format: 1.")
    name: FolderName = Field(description="The dataset's name, safe as a folder's name.")
    model: ModelSpec = Field(description="The diffusion model and its settings.")
    task: Task = Field("text-to-image", description="What to do; this version does text-to-image.")
    classes: Annotated[
        Mapping[
            ClassName,
            Annotated[ClassSpec, BeforeValidator(_count_alone, json_schema_input_type=ClassSpec | Count)],
        ],
        Field(min_length=1),
    ] = Field(description="The classes, by name: a count, or a mapping with count and more.")
    prompts: Prompts = Field(Prompts(), description="What the model is asked for.")
    attributes: Mapping[VariableName, Attribute] = Field({}, description="What is measured on every image, by name.")
    filters: Filters = Field(Filters(), description="What an image must pass to be accepted.")
    safety: Safety = Field(Safety(), description="What must not be asked for, and what must not be shown.")
    judge: JudgeSpec = Field(
        default_factory=lambda data: default_judge(data["model"].id),
        description="The model that scores the images. Default: the bundled judge for the bundled model, "
        "otherwise an open CLIP.",
    )
    balance: Annotated[tuple[Balance, ...], Field(strict=False)] = Field(
        (), description="Shares that accepted images must have, as the judge measures them."
    )
    gates: Annotated[tuple[GateSpec, ...], Field(strict=False)] = Field(
        (), description="What fails the audit of the finished set."
    )
    budget: Budget = Field(Budget(), description="When to give up.")
    output: Output = Field(Output(), description="What to write.")
    seed: int = Field(0, ge=0, lt=2**63, description="Where every image's own seed comes from.")

    @property
    def total(self) -> int:
        """How many accepted images are asked for."""
        return sum(kind.count for kind in self.classes.values())

    def templates_of(self, name: str) -> tuple[tuple[Template, float], ...]:
        """The templates of a class with their weights: its own, else the common ones.

        Raises:
            KeyError: there is no such class.
        """
        templates = self.classes[name].templates or self.prompts.templates or {}
        return tuple((Template.parse(text), weight) for text, weight in templates.items())

    def canonical(self) -> dict[str, Any]:
        """Everything, defaults too, as JSON types: equal for specs that mean the same.

        Its values are `Any`, as pydantic gives them; a type of all sections would repeat the classes of this room.
        """
        return self.model_dump(mode="json")
