"""What finds boxes and masks on images: detectors and segmenters, named like models."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from synthgen.spec.fields import Fraction, Revision, Section, Text
from synthgen.spec.model import FOLDER_ID, HUB_ID

BUNDLED_READER = "bundled:reader"
"""The ground-truth reader, which finds the person on pictures of the bundled model."""
ANNOTATOR_TEXT = "a photo of {a:class}"
"""What a detector is asked for, unless the spec says it: the wording that OWL-ViT and OWLv2 were evaluated with."""


def _annotator_id(value: str) -> str:
    if value == BUNDLED_READER or any(form.fullmatch(value) for form in (HUB_ID, FOLDER_ID)):
        return value
    raise PydanticCustomError(
        "expected", f"'{BUNDLED_READER}', a hub id such as 'owner/name', or a folder that starts with './' or '/'"
    )


class Annotator(Section):
    """A model that finds something on images."""

    model: Annotated[Text, AfterValidator(_annotator_id)] = Field(description="Which model.")
    revision: Revision | None = Field(
        None, description="For a hub id: branch, tag or commit. The plan records the commit it points to."
    )

    def described(self, revision: str) -> str:
        """Say in a line what it is, and exactly which one."""
        return f"{self.model} {revision}".strip()


class BoxAnnotator(Annotator):
    """A detector that takes texts."""

    model: Annotated[Text, AfterValidator(_annotator_id)] = Field(
        description="The detector: OWLv2, OWL-ViT or Grounding DINO, as a hub id such as "
        "'google/owlv2-base-patch16-ensemble' or 'IDEA-Research/grounding-dino-tiny', or a folder that starts with "
        f"'./', '~' or '/'; or '{BUNDLED_READER}' (ships with synthgen), which finds the person on pictures of the "
        "bundled model."
    )
    text: Text | None = Field(
        None,
        description=f"What it is asked for. Default: '{ANNOTATOR_TEXT}'. {{class}} stands for the image's class; "
        "'a person' finds people of any class.",
    )
    min_score: Fraction = Field(0.3, description="Boxes with a smaller score are left out.")


class MaskAnnotator(Annotator):
    """A segmenter that is shown boxes."""

    model: Annotated[Text, AfterValidator(_annotator_id)] = Field(
        description="The segmenter: SAM 2, as a hub id such as 'facebook/sam2.1-hiera-tiny', or a folder that starts "
        f"with './', '~' or '/'; or '{BUNDLED_READER}'. It makes one mask for each box."
    )


def _model_alone(value: object) -> object:
    """`boxes: owner/name` is short for `boxes: {model: owner/name}`."""
    return {"model": value} if isinstance(value, str) else value


class AnnotateSpec(Section):
    """What finds boxes and masks on images, for datasets to train detectors and segmenters on."""

    boxes: Annotated[BoxAnnotator, BeforeValidator(_model_alone, json_schema_input_type=BoxAnnotator | Text)] | None = (
        Field(
            None,
            description="A detector: it finds the boxes of each image's class. Datasets get the columns 'boxes' and "
            "'box_scores'. The name of a model is short for {model: NAME}.",
        )
    )
    masks: (
        Annotated[MaskAnnotator, BeforeValidator(_model_alone, json_schema_input_type=MaskAnnotator | Text)] | None
    ) = Field(
        None,
        description="A segmenter: it is shown the boxes, found or of the source. Datasets get the columns 'masks', a "
        "picture for each box, and 'mask_scores'. The name of a model is short for {model: NAME}.",
    )

    def named(self) -> dict[str, Annotator]:
        """Return its models by key."""
        both: dict[str, Annotator | None] = {"boxes": self.boxes, "masks": self.masks}
        return {key: each for key, each in both.items() if each is not None}
