"""What an image must pass to be accepted. A filter that is not named does not run."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from synthgen.spec.fields import ClassName, Fraction, Section, Text, VariableName

OWN_SCORES = (
    "clip_score",
    "label_posterior",
    "label_margin",
    "none_posterior",
    "contrast",
    "sharpness",
    "noise",
    "unsafe_posterior",
)
"""The scores that synthgen itself gives: no measure of a plug-in may have such a name."""


def _kind_of_floor(value: object) -> str:
    return "<classes>" if isinstance(value, Mapping) else "<word>" if isinstance(value, str) else "<number>"


Floor = Annotated[
    Annotated[Fraction, Tag("<number>")]
    | Annotated[Literal["chance"], Tag("<word>")]
    | Annotated[Mapping[ClassName, Fraction], Tag("<classes>")],
    Discriminator(_kind_of_floor),
]
"""One for all classes; `chance`, one divided by the number of classes; or one for each class."""


class LabelFilter(Section):
    """Rejects images that the judge does not take for their class."""

    min_posterior: Floor = Field(
        0.5,
        description="Least probability of the image's own class: a softmax over the classes of this spec "
        "and 'none of these'. One number; 'chance', which is 1 divided by the number of classes; or a number for "
        "each class.",
    )
    calibration: Text | None = Field(
        None,
        description="A file that 'synthgen calibrate' wrote: its thresholds take the place of min_posterior.",
    )
    none_of_these: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        (), description="Texts that describe what is none of the classes, such as 'a blurry picture'."
    )


class ClipFilter(Section):
    """Rejects images that do not match their own prompt."""

    min_score: float = Field(0.2, ge=-1, le=1, description="Least cosine similarity between the image and its prompt.")


class QualityFilter(Section):
    """Rejects blank, and hopelessly blurred or noisy images; images that are not finite always fail."""

    min_contrast: Fraction = Field(
        0.02, description="Least standard deviation of the grey image, whose values lie in 0 to 1."
    )
    min_sharpness: float = Field(
        0.0001, ge=0, le=1, description="Least variance of the grey image's Laplacian, values in 0 to 1."
    )

    max_noise: float = Field(
        0.12, ge=0, le=1, description="Greatest standard deviation of the noise in the grey image, values in 0 to 1."
    )


class Safety(Section):
    """What must not be asked for, and what must not be shown. For hub models that bring a safety checker see
    model.safety_checker."""

    block: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        (), description="Words and phrases that no prompt may contain; upper and lower case are one."
    )
    reject: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        (), description="Texts that describe images to reject, such as 'a photo of a weapon', told to the judge."
    )
    above: Fraction = Field(
        0.5,
        description="Posterior of the rejected texts, among them, the classes and 'none of these', above which an "
        "image is rejected.",
    )


class DuplicateFilter(Section):
    """Rejects images that repeat an accepted one: within a shard at once, across shards when the dataset is made."""

    within: Literal["class", "dataset"] = Field(
        "class", description="Compare with the accepted images of the same class, or of the whole dataset."
    )
    max_bits: int = Field(
        8,
        ge=0,
        le=64,
        description="Two images whose perceptual hashes differ in at most this many of 256 bits are one.",
    )
    min_cosine: Fraction | None = Field(
        None,
        description="Two images whose embeddings by the judge have at least this cosine are one. By default hashes "
        "alone decide: to a CLIP, all images of a class are close.",
    )


class MeasureFilter(Section):
    """Limits on the score of a measure that an installed package offers. All keys but min and max are its arguments."""

    model_config = ConfigDict(extra="allow")

    min: float | None = Field(None, description="Least score of an image that passes.")
    max: float | None = Field(None, description="Greatest score of an image that passes.")

    @property
    def arguments(self) -> Mapping[str, object]:
        """What the measure is made with."""
        return dict(self.model_extra or {})


class Filters(Section):
    """The filters, in the order in which they are applied: quality, label, clip, measures, duplicates."""

    label: LabelFilter | None = Field(None, description="Does the image show its class?")
    clip: ClipFilter | None = Field(None, description="Does the image match its prompt?")
    quality: QualityFilter | None = Field(None, description="Is there a picture at all? '{}' for the defaults.")
    measures: Mapping[VariableName, MeasureFilter] = Field(
        {},
        description="Measures of installed plug-ins, by name; each is recorded as a score, and filters where it has "
        "limits.",
    )
    duplicates: DuplicateFilter | None = Field(None, description="Is it new?")
