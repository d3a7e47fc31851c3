"""The pictures that a task begins from: a labelled set of images, and which of them."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from synthgen.spec.fields import Count, Section, Text
from synthgen.spec.model import FOLDER_ID, HUB_ID

_Scalar = str | int | float | bool
TO_CLASS = "class"
"""The key of `to` that is no attribute."""

ChangeSpec = Mapping[Text, Text]
"""What images have otherwise than their pictures: a class, or values of attributes."""
BoxFormName = Literal["xyxy", "xywh", "cxcywh", "relative-xyxy", "relative-xywh", "relative-cxcywh"]
ADDED = ("image", "boxes", "box_form", "mask", "keep")
"""Keys that earlier versions did not have; by default None, or empty."""


def _place(value: str) -> str:
    if any(form.fullmatch(value) for form in (HUB_ID, FOLDER_ID)):
        return value
    raise PydanticCustomError(
        "expected", "a folder or file that starts with './', '~' or '/', or a hub id such as 'owner/name'"
    )


def _texts(value: object) -> object:
    """`where: {split: train}` is short for a list of one; cells are compared as texts."""
    values = value if isinstance(value, list | tuple) else [value]
    texts = [_text(one) for one in values]
    if not texts or not all(texts):
        raise PydanticCustomError("expected", "a value, or a list of values")
    return tuple(texts)


def _text(value: object) -> str:
    if not isinstance(value, _Scalar):
        return ""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value).strip()


_Values = Annotated[
    tuple[Text, ...],
    Field(strict=False),
    BeforeValidator(_texts, json_schema_input_type=_Scalar | list[_Scalar]),
]


class SourceSpec(Section):
    """The set of pictures that images begin from."""

    dataset: Annotated[Text, AfterValidator(_place)] = Field(
        description="The set: a folder or a file that starts with './', '~' or '/', of any kind that `synthgen audit` "
        "opens, or the id of a dataset on the hub, such as 'owner/name'. The plan records the sha256 of each picture."
    )
    split: Text | None = Field(None, description="One of its splits. Default: all of it.")
    label: Text | None = Field(
        None,
        description="The column with the class of each picture, by the names of `classes`. Default: the column that "
        "looks like it, or the folders.",
    )
    image: Text | None = Field(
        None, description="The column with the pictures, where a set has several. Default: the one that looks like it."
    )
    boxes: Text | None = Field(
        None,
        description="The column with the boxes of the object in each picture: four numbers, or lists of them. Datasets "
        "have them in the column `boxes`, in pixels of the image.",
    )
    box_form: BoxFormName | None = Field(
        None,
        description="How boxes are written: 'xyxy', 'xywh' or 'cxcywh' in pixels, or with 'relative-' before it as "
        "shares of the picture. Default: the one form that fits them.",
    )
    mask: Text | None = Field(
        None,
        description="The column with the masks of the object in each picture: pictures of the same size, white where "
        "it is. Datasets have them in the column `mask`. The plan records the sha256 of each.",
    )
    keep: Annotated[tuple[Text, ...], Field(strict=False, max_length=64)] = Field(
        (),
        description="Columns of texts, numbers, booleans or lists of these that each image takes over from its picture "
        "into the dataset. Templates have them too: '{source.caption}' is what the column 'caption' says.",
    )
    where: Mapping[Text, _Values] = Field(
        {},
        max_length=16,
        description="Which pictures to take, by columns of the set: {license: [cc0, cc-by]}. All conditions must hold.",
    )
    group: Text | None = Field(
        None,
        description="A column in which pictures that depend on each other have one value, such as 'patient'. Images "
        "of one group go to one split. Default: each picture is its own group.",
    )
    per_source: Count | None = Field(
        None, description="The most accepted images that are made of one picture. Default: no limit."
    )
