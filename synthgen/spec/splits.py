"""The splits of a dataset: how large they are, what stays on one side of them, and what may not be near them."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from synthgen.spec.fields import Fraction, Section, SplitName
from synthgen.spec.model import FOLDER_ID, HUB_ID

REST: Literal["rest"] = "rest"
NEAR_BITS, NEAR_COSINE = 8, 0.98
"""Images that are nearer than this are near-duplicates: the limits by which `audit` finds leaks between splits. Copies
that were resized or recompressed are within them; other pictures of the same thing are not."""


NO_SIZE, SIZE = "no_size", "a share from 0 to 1, a number of images, or 'rest'"
"""The kind of an error, and what it says."""


def _size(value: float) -> int | float:
    """Tell shares and counts apart: a number up to 1 is a share, whether it is written 1 or 1.0."""
    if value <= 1:
        return float(value)
    if float(value).is_integer():
        return int(value)
    raise PydanticCustomError(NO_SIZE, SIZE)


SplitSize = Annotated[int | float, Field(gt=0, le=10_000_000), AfterValidator(_size)] | Literal["rest"]
"""A share of all images, a number of images, or all that the others leave."""
Splits = Mapping[SplitName, SplitSize]


def size_in_words(size: float | str) -> str:
    """Say how large a split is to be."""
    if isinstance(size, str):
        return "the rest"
    return f"a share of {size:g}" if size <= 1 else f"{size:,} images"


Relation = Literal["prompt", "template"]
"""What images of one side may have in common on request. A source, its group and a seed always are on one side."""


class NearRule(Section):
    """When two images are near-duplicates: by their hashes, or by the judge's embeddings."""

    max_bits: Annotated[int, Field(ge=0, le=64)] | None = Field(
        NEAR_BITS,
        description="Their perceptual hashes differ in at most this many of 256 bits. null: hashes are not compared.",
    )
    min_cosine: Fraction | None = Field(
        NEAR_COSINE,
        description="The cosine of their embeddings by the judge is at least this. null: embeddings are not compared.",
    )

    def __str__(self) -> str:
        bits = None if self.max_bits is None else f"at most {self.max_bits} of 256 bits of their hashes differ"
        cosine = None if self.min_cosine is None else f"a cosine of their embeddings of {self.min_cosine:g} or more"
        return ", or ".join(filter(None, (bits, cosine))) or "none"


def _off(value: object) -> object:
    """YAML reads `off` as false."""
    return "off" if value is False else value


Near = Annotated[
    NearRule | Literal["off"],
    BeforeValidator(_off, json_schema_input_type=NearRule | Literal["off", False]),
]


def _place(value: str) -> str:
    if any(form.fullmatch(value) for form in (HUB_ID, FOLDER_ID)):
        return value
    raise PydanticCustomError(
        "expected", "a folder or file that starts with './', '~' or '/', or a hub id such as 'owner/name'"
    )


class AgainstSpec(Section):
    """Sets that no image of the dataset may be near to, such as the one that a model is tested with."""

    sets: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_place)], ...],
        Field(strict=False, min_length=1, max_length=16),
    ] = Field(
        description="Folders or files that start with './', '~' or '/', of any kind that `synthgen audit` opens, or "
        "ids of datasets on the hub, such as 'owner/name'. A list of sets alone is short for this key."
    )
    action: Literal["remove", "flag"] = Field(
        "remove", description="Whether the dataset leaves such images out, or has them and says which they are."
    )
    labels: Literal["same", "any"] = Field(
        "same",
        description="'same': sets with classes must have one of the spec's, or else they are the wrong sets. 'any': "
        "classes do not matter. They never decide which images are compared.",
    )
    max_bits: Annotated[int, Field(ge=0, le=64)] | None = Field(NEAR_BITS, description="As `output.near.max_bits`.")
    min_cosine: Fraction | None = Field(NEAR_COSINE, description="As `output.near.min_cosine`.")


def _sets(value: object) -> object:
    """`against: [./real]` is short for `{sets: [./real]}`."""
    return {"sets": value} if isinstance(value, list | tuple) else value


AgainstSets = Annotated[AgainstSpec, BeforeValidator(_sets, json_schema_input_type=AgainstSpec | list[str])]
