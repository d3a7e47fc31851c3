"""`Spec`: a dataset's description, validated and frozen."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue
from pydantic_core import PydanticCustomError

from synthgen.inert import inert
from synthgen.spec.annotate import AnnotateSpec
from synthgen.spec.attribute import Attribute, Balance, GateSpec, SharesFile
from synthgen.spec.choices import Choices, PromptChoice, Suffixes, VariableChoices
from synthgen.spec.class_spec import ClassSpec, count_alone
from synthgen.spec.control import ControlSpec
from synthgen.spec.errors_file import AimedBy
from synthgen.spec.expand import Expand
from synthgen.spec.fields import ClassName, Count, FolderName, Section, Text, VariableName
from synthgen.spec.filters import CALIBRATED, Filters, Safety
from synthgen.spec.model import JudgeSpec, ModelSpec, default_judge
from synthgen.spec.output import Budget, Output
from synthgen.spec.reference import ReferenceSpec
from synthgen.spec.region import CanvasSpec, RegionSpec
from synthgen.spec.source_set import ADDED, TO_CLASS, ChangeSpec, SourceSpec
from synthgen.spec.template import Template
from synthgen.spec.then import Stages

Task = Literal["text-to-image", "image-to-image", "edit", "inpaint", "outpaint", "control"]


def _version(value: object) -> object:
    if type(value) is int:  # true and 1.0 equal 1, but are not versions
        return value
    raise PydanticCustomError("expected", "1")


_LATER: Mapping[str, object] = {"suffix": None, "sampling": "random", "expand": None}
_OF_CLASS: Mapping[str, object] = {"variables": {}, "negative_prompt": None}
_OF_MODEL: Mapping[str, object] = {
    "quantization": None,
    "vae_tiling": False,
    "attention": "auto",
    "cache": None,
    "strength": None,
}
"""Keys of `prompts`, of a class and of `model` that earlier versions did not have, with their defaults."""
_ADDED = (
    *("preset", "source", "to", "region", "canvas", "control", "reference", "then", "annotate"),
    *("allow_licenses", "require_outputs_may_train", "counts", "aimed_by"),
)
"""Sections that earlier versions did not have: left out where they are empty."""


class Prompts(Section):
    """Templates, and the variables that fill them."""

    templates: Choices | None = Field(
        None,
        description="Prompts with {class} and {variables} in braces: a list, or a mapping of prompt to weight. "
        "{{ and }} are literal braces.",
    )
    variables: Mapping[VariableName, VariableChoices] = Field(
        {},
        description="Each variable with its values: a list, a mapping of value to weight, or the long form with "
        "'values', 'range' or 'file'.",
    )
    suffix: Suffixes | None = Field(
        None,
        description="What every prompt ends with, after a comma, such as 'oil on canvas': a text, or several of which "
        "one is drawn.",
    )
    sampling: Literal["random", "combinatorial"] = Field(
        "random",
        description="How prompts are drawn: by weights, or every combination of template and values once before any "
        "comes again.",
    )
    expand: Expand | None = Field(
        None, description="Prompts that a language model writes, besides the templates or instead of them."
    )

    @property
    def expanded_by(self) -> str | None:
        """The language model that wrote some of the prompts, with its revision; None if none did."""
        written = self.expand.written_by if self.expand is not None else None
        if written is None:
            return None
        return f"{inert(written.model)} ({inert(written.revision)})" if written.revision else inert(written.model)


class Spec(Section):
    """The description of a labelled image dataset.

    Mappings keep the user's order, and the order of classes, templates and values is part of the meaning.
    Rules that span several keys are checked by `read_spec`, not here.
    """

    synthgen: Annotated[Literal[1], BeforeValidator(_version)] = Field(description="The version of the spec format: 1.")
    name: FolderName = Field(description="The dataset's name, which is also its folder's name.")
    model: ModelSpec = Field(description="The diffusion model and its settings.")
    preset: Literal["training"] | None = Field(
        None,
        description="What the literature recommends, where the spec says nothing else: 'training' sets guidance to 1.5 "
        "or 2, and prompts.sampling to combinatorial where that works. The plan shows what it set.",
    )
    task: Task = Field(
        "text-to-image",
        description="The kind of generation: 'text-to-image'; or one that begins from the pictures of `source`: "
        "'image-to-image' redraws them, 'edit' changes them as the prompt says, 'inpaint' draws a region of them again,"
        " 'outpaint' draws what a larger canvas adds; and 'control' lets them lead the layout.",
    )
    control: Annotated[tuple[ControlSpec, ...], Field(strict=False, max_length=8)] = Field(
        (),
        description="What leads the layout of images: control models, and their pictures. The task 'control' needs it; "
        "'image-to-image', 'inpaint' and 'outpaint' can have it, too.",
    )
    reference: Annotated[tuple[ReferenceSpec, ...], Field(strict=False, max_length=8)] = Field(
        (),
        description="Pictures that images are to be like, in style or subject: IP-Adapters, and what they are shown.",
    )
    source: SourceSpec | None = Field(
        None, description="The pictures that images begin from, for tasks other than 'text-to-image', which need them."
    )
    to: ChangeSpec = Field(
        {},
        max_length=8,
        description="What images have otherwise than the pictures that they begin from: {skin_tone: dark}, a value of "
        "an attribute, with the class kept; or {class: chef}: images of this class begin from pictures of all others.",
    )
    region: RegionSpec | None = Field(
        None, description="What the task 'inpaint' draws again. Default: what the mask covers, or else the boxes."
    )
    canvas: CanvasSpec | None = Field(None, description="Where pictures lie on the images of the task 'outpaint'.")
    then: Stages = Field(
        (),
        description="What happens to each image after it was made, before it is judged: one stage, or a list of up to "
        "4, each with the images of the one before it.",
    )
    annotate: AnnotateSpec | None = Field(
        None, description="What finds boxes and masks on images: a detector, a segmenter, or both."
    )
    classes: Annotated[
        Mapping[
            ClassName,
            Annotated[ClassSpec, BeforeValidator(count_alone, json_schema_input_type=ClassSpec | Count)],
        ],
        Field(min_length=1),
    ] = Field(description="The classes, by name. Each is a count, or a mapping with count and other keys.")
    counts: SharesFile | None = Field(
        None,
        description="{from: FILE}, a file of errors that `synthgen evaluate` writes with `suggest`: it divides all "
        "images again, so that classes which the learner gets wrong have more of them. Their total is that of "
        "`classes`.",
    )
    aimed_by: Annotated[tuple[AimedBy, ...], Field(strict=False)] = Field(
        (), description="The files of errors that shares and counts came from. Written by synthgen when it reads them."
    )
    prompts: Prompts = Field(Prompts(), description="The prompts for the model.")
    attributes: Mapping[VariableName, Attribute] = Field({}, description="What is measured on every image, by name.")
    filters: Filters = Field(
        Filters(), description="Checks that an image must pass to be accepted. Only the filters listed here run."
    )
    safety: Safety = Field(Safety(), description="What prompts must not contain, and what images must not show.")
    judge: JudgeSpec = Field(
        default_factory=lambda data: default_judge(data["model"].id),
        description="The model that scores the images. Default: the bundled judge for the bundled model, "
        "otherwise an open CLIP.",
    )
    balance: Annotated[tuple[Balance, ...], Field(strict=False)] = Field(
        (), description="The shares that accepted images must have, as the judge measures them."
    )
    gates: Annotated[tuple[GateSpec, ...], Field(strict=False)] = Field(
        (), description="Limits that the finished dataset must keep to pass its audit."
    )
    budget: Budget = Field(Budget(), description="How many attempts to make before giving up.")
    output: Output = Field(Output(), description="How to write the dataset.")
    allow_licenses: Annotated[tuple[Text, ...], Field(strict=False, min_length=1, max_length=100)] | None = Field(
        None,
        description="The only licences that models of this spec may have, such as [apache-2.0, mit]. Any other, or an "
        "unknown one, is refused before a model is loaded. Default: any.",
    )
    require_outputs_may_train: bool | Literal["commercial", "non-commercial"] = Field(
        False,
        description="Refuse models whose licence does not let their outputs train a model: a 'commercial' one, a "
        "'non-commercial' one, or with true both.",
    )
    metadata: Mapping[Text, JsonValue] = Field(
        {},
        description="Anything to keep with the dataset, such as an owner or a ticket. It is shown in the card and has "
        "no effect. Top-level keys that begin with 'x-' become part of it.",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="The seed from which every image's own seed is derived.")

    def __repr__(self) -> str:
        classes = f"{len(self.classes):,} class{'es' if len(self.classes) != 1 else ''}"
        return f"<Spec {self.name}: {self.total:,} images in {classes}, {inert(self.model.id)}>"

    @property
    def total(self) -> int:
        """The number of accepted images requested."""
        return sum(kind.count for kind in self.classes.values())

    @property
    def redraws(self) -> bool:
        """Whether images are pictures of `source`, in part or in whole drawn again."""
        return self.source is not None and self.task != "control"

    @property
    def has_boxes(self) -> bool:
        """Whether images have boxes, of their source or found."""
        found = self.annotate is not None and self.annotate.boxes is not None
        return found or (self.source is not None and self.source.boxes is not None)

    @property
    def wanted(self) -> tuple[Balance, ...]:
        """What accepted images must be measured to be: the shares of `balance`, and the values of `to`."""
        changed = (
            Balance(attribute=name, target={each: float(each == value) for each in self.attributes[name].values})
            for name, value in self.to.items()
            if name != TO_CLASS
        )
        return (*self.balance, *changed)

    @property
    def shaped_by(self) -> Literal["mask", "boxes"] | None:
        """What shapes the region that is drawn again; None for tasks without a region."""
        if self.task != "inpaint" or self.source is None:
            return None
        return (self.region.of if self.region else None) or ("mask" if self.source.mask else "boxes")

    @property
    def drawn_region(self) -> str | None:
        """Which part of a picture is drawn, or where it lies on a larger image, in words; None for other tasks."""
        if self.shaped_by is not None:
            return (self.region or RegionSpec()).described(self.shaped_by)
        return self.canvas.described() if self.canvas is not None else None

    def templates_of(self, name: str) -> tuple[tuple[Template, float], ...]:
        """Return the templates of a class with their weights: its own, or else the common ones.

        Raises:
            KeyError: the spec has no such class.
        """
        templates = self.classes[name].templates or self.prompts.templates or {}
        weights = {text: one.weight if isinstance(one, PromptChoice) else one for text, one in templates.items()}
        return tuple((Template.parse(text), weight) for text, weight in weights.items())

    def canonical(self) -> dict[str, Any]:
        """Return all values, including defaults, as JSON types. Specs with the same meaning give equal results.

        The values are `Any`, as pydantic gives them; a type of all sections would repeat the classes of this room.
        """
        dumped = self.model_dump(mode="json")
        for key in ("measures", "kept", "changed", "box", "learner", "early"):
            if not getattr(self.filters, key):
                del dumped["filters"][key]  # plans of earlier versions keep their fingerprint
        for name, key in CALIBRATED.items():
            if dumped["filters"].get(name, {}) and dumped["filters"][name]["calibration"] is not None:
                del dumped["filters"][name][key]  # its thresholds are the calibration's: a spec with both is refused
        for key in ("guidance_interval", "image_guidance", "max_sequence_length", "clip_skip"):  # the same
            if getattr(self.model, key) is None:
                del dumped["model"][key]
        for key in ("adapters", "components", "config", "scheduler_config"):
            if not getattr(self.model, key):
                del dumped["model"][key]
        for key in [key for key in _ADDED if not getattr(self, key)]:
            del dumped[key]
        if self.source is not None:
            dumped["source"] = {key: value for key, value in dumped["source"].items() if value or key not in ADDED}
        for key in [key for key, default in _OF_MODEL.items() if dumped["model"][key] == default]:
            del dumped["model"][key]

        for keys, section in ((_LATER, dumped["prompts"]), *((_OF_CLASS, kind) for kind in dumped["classes"].values())):
            for key in [key for key, default in keys.items() if section[key] == default]:
                del section[key]  # likewise
        if self.prompts.expand is not None and self.prompts.expand.prompts is not None:
            kept = ("weight", "prompts", "written_by")  # what was to be asked was asked
            dumped["prompts"]["expand"] = {key: dumped["prompts"]["expand"][key] for key in kept}
        return dumped
