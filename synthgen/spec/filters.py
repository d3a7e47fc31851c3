"""The filters that an image must pass to be accepted. Only the filters in the spec run."""

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from synthgen.spec.early import Early
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
    "kept",
    "changed",
    "gained",
    "box_margin",
    "learner_entropy",
)
"""The scores that synthgen itself gives: no measure of a plug-in may have such a name."""
CALIBRATED = {"label": "min_posterior", "kept": "min_score", "changed": "min_gain", "box": "min_margin"}
"""The filters that a calibration may set, with the threshold that it sets."""
NOT_FINITE = "argument_not_finite"
"""pydantic's type of the error for an argument of a measure that is NaN or infinite."""


def _kind_of_floor(value: object) -> str:
    return "<classes>" if isinstance(value, Mapping) else "<word>" if isinstance(value, str) else "<number>"


def _kind_of_limit(value: object) -> str:
    return "<classes>" if isinstance(value, Mapping) else "<number>"


Floor = Annotated[
    Annotated[Fraction, Tag("<number>")]
    | Annotated[Literal["chance"], Tag("<word>")]
    | Annotated[Mapping[ClassName, Fraction], Tag("<classes>")],
    Discriminator(_kind_of_floor),
]
"""One threshold for all classes; `chance`, 1 divided by the number of classes; or one threshold per class."""
_Cosine = Annotated[float, Field(ge=-1, le=1)]
_Gain = Annotated[float, Field(ge=-2, le=2)]
Least = Annotated[
    Annotated[_Cosine, Tag("<number>")] | Annotated[Mapping[ClassName, _Cosine], Tag("<classes>")],
    Discriminator(_kind_of_limit),
]
LeastGain = Annotated[
    Annotated[_Gain, Tag("<number>")] | Annotated[Mapping[ClassName, _Gain], Tag("<classes>")],
    Discriminator(_kind_of_limit),
]


class LabelFilter(Section):
    """Rejects images that do not show their class, according to the judge."""

    min_posterior: Floor = Field(
        0.5,
        description="Smallest accepted probability of the image's own class: a softmax over the classes of this spec "
        "and 'none of these'. One number; 'chance', which is 1 divided by the number of classes; or one number per "
        "class.",
    )
    calibration: Text | None = Field(
        None,
        description="A file written by 'synthgen calibrate'. Its thresholds replace min_posterior.",
    )
    none_of_these: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        (), description="Texts that describe images of none of the classes, such as 'a blurry picture'."
    )


class ClipFilter(Section):
    """Rejects images that do not match their own prompt."""

    min_score: float = Field(
        0.2, ge=-1, le=1, description="Smallest accepted cosine similarity between the image and its prompt."
    )


class KeptFilter(Section):
    """Rejects images that lost what should stay of the pictures that they begin from."""

    min_score: Least | None = Field(
        None,
        description="Smallest accepted score: with a region, the share of the pixels outside of it that are those of "
        "the picture, bit for bit; without one, the cosine of image and picture by the judge. One number, or one per "
        "class. Required, unless a calibration gives it.",
    )
    calibration: Text | None = Field(
        None, description="A file that 'synthgen calibrate' wrote for the filter kept. Its thresholds are min_score."
    )


class ChangedFilter(Section):
    """Rejects images that are much like the pictures that they begin from, or no nearer to their prompts."""

    min_difference: Fraction = Field(
        0.02,
        description="Smallest accepted difference of the pixels of the region, or of all, on average: 1 is black for "
        "white.",
    )
    min_gain: LeastGain | None = Field(
        None,
        description="By how much the cosine of image and prompt, in the region, must at least exceed that of the "
        "picture and the prompt. 0 asks that the image shows more of what was asked. One number, or one per class.",
    )
    calibration: Text | None = Field(
        None, description="A file that 'synthgen calibrate' wrote for the filter changed. Its thresholds are min_gain."
    )


class BoxFilter(Section):
    """Rejects images whose boxes do not show their class, according to the judge, and images without a box."""

    min_margin: Least = Field(
        0.0,
        description="By how much the posterior of the image's class, where the judge is shown the box alone, must at "
        "least exceed that of the likeliest other class or 'none of these'; of several boxes, the least. 0 asks that "
        "its class is the likeliest. One number, or one per class.",
    )
    calibration: Text | None = Field(
        None, description="A file that 'synthgen calibrate' wrote for the filter box. Its thresholds are min_margin."
    )


class LearnerFilter(Section):
    """Rejects images that are too easy or too hard for a learner (Deliberate Practice, arXiv 2502.15588)."""

    model: Text = Field(
        description="The learner: a .safetensors file that 'synthgen evaluate' saved. It must know the classes of this "
        "spec, and the embeddings of its judge."
    )
    entropy: Annotated[tuple[Fraction, Fraction], Field(strict=False)] = Field(
        description="Smallest and largest accepted entropy of its prediction over the classes of this spec, divided by "
        "that of a guess: 0 where it is certain, 1 where it knows nothing."
    )


class QualityFilter(Section):
    """Rejects images that are blank, or hopelessly blurred or noisy. Images that are not finite always fail."""

    min_contrast: Fraction = Field(
        0.02, description="Smallest accepted standard deviation of the grey image, with values from 0 to 1."
    )
    min_sharpness: float = Field(
        0.0001,
        ge=0,
        le=1,
        description="Smallest accepted variance of the Laplacian of the grey image, with values from 0 to 1.",
    )

    max_noise: float = Field(
        0.12,
        ge=0,
        le=1,
        description="Largest accepted standard deviation of the noise in the grey image, with values from 0 to 1.",
    )


class Safety(Section):
    """What prompts must not contain, and what images must not show. The safety checker of a hub model is
    separate: see model.safety_checker."""

    block: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        (), description="Words and phrases that no prompt may contain, in upper or lower case."
    )
    reject: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        (),
        description="Texts that describe images to reject, such as 'a photo of a weapon'.",
    )
    above: Fraction = Field(
        0.5,
        description="An image is rejected if the rejected texts have a posterior above this, in a choice between them, "
        "the classes and 'none of these'.",
    )


class DuplicateFilter(Section):
    """Rejects images that repeat an accepted one: within a shard at once, across shards when the dataset is built."""

    within: Literal["class", "dataset"] = Field(
        "class", description="Compare each image with the accepted images of its class, or of the whole dataset."
    )
    max_bits: int = Field(
        8,
        ge=0,
        le=64,
        description="Two images are duplicates if their perceptual hashes differ in at most this many of 256 bits.",
    )
    min_cosine: Fraction | None = Field(
        None,
        description="Two images are duplicates, too, if the cosine of their embeddings by the judge is at least this. "
        "By default only hashes decide, because to CLIP all images of a class are similar.",
    )


class MeasureFilter(Section):
    """Limits on the score of a measure that an installed package offers. All keys but min and max are its arguments."""

    model_config = ConfigDict(extra="allow")

    min: float | None = Field(None, description="Smallest accepted score.")
    max: float | None = Field(None, description="Largest accepted score.")

    @property
    def arguments(self) -> Mapping[str, object]:
        """What the measure is made with."""
        return dict(self.model_extra or {})

    @model_validator(mode="after")
    def _arguments_are_finite(self) -> "MeasureFilter":
        """Refuse what the types of the other keys refuse: NaN and infinity, at any depth."""
        for name, value in self.arguments.items():
            if not _is_finite(value):
                raise PydanticCustomError(
                    NOT_FINITE, "{argument}: expected finite numbers, found NaN or infinity", {"argument": name}
                )
        return self


def _is_finite(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or isfinite(value)


class Filters(Section):
    """The filters, in the order of their use: quality, label, clip, kept, changed, box, learner, measures,
    duplicates."""

    label: LabelFilter | None = Field(None, description="Does the image show its class?")
    clip: ClipFilter | None = Field(None, description="Does the image match its prompt?")
    kept: KeptFilter | None = Field(
        None, description="Is what should stay of the picture that it began from still there?"
    )
    changed: ChangedFilter | None = Field(
        None, description="Does it differ from the picture that it began from? '{}' uses the defaults."
    )
    box: BoxFilter | None = Field(
        None, description="Is the object in its box? '{}' uses the defaults. It needs boxes: source or annotate."
    )
    learner: LearnerFilter | None = Field(
        None, description="Is it hard for the current learner, and not absurd? Its entropy is recorded for every image."
    )
    quality: QualityFilter | None = Field(
        None, description="Is it a usable picture, not blank, blurred or noisy? '{}' uses the defaults."
    )
    measures: Mapping[VariableName, MeasureFilter] = Field(
        {},
        description="Measures of installed plug-ins, by name; each is recorded as a score, and filters if it has "
        "limits.",
    )
    duplicates: DuplicateFilter | None = Field(None, description="Does it repeat an accepted image?")
    early: Early = Field(
        None,
        description="Stop attempts after their first steps that would be rejected: 'auto', 'off', or a mapping with "
        "steps and keep. Default: off.",
    )
