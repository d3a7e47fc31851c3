"""The budget of attempts, and how the dataset is written."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from synthgen.spec.fields import ClassName, FormatName, Section, Text, VariableName
from synthgen.spec.marks import CredentialsOrNone, Marks, MarksOrNone
from synthgen.spec.splits import AgainstSets, Near, NearRule, Relation, Splits

Option = str | int | float | bool | None
"""What an option of a plug-in may be set to."""


class Budget(Section):
    """How many attempts to make."""

    attempts_per_image: int = Field(
        8,
        ge=1,
        le=1000,
        description="Most attempts per requested image. Images still missing after that are reported as short.",
    )


class Rejects(Section):
    """What to keep of images that were not accepted. Their scores and reasons are always kept."""

    keep: Literal["scores", "thumbnails", "images"] = Field(
        "thumbnails", description="What to keep of them: scores only, small thumbnails too, or the full images."
    )


class PictureEncoding(Section):
    """How the pictures of the dataset are encoded. The shards keep them as lossless PNGs."""

    format: Literal["png", "jpeg", "webp"] = Field(
        "png", description="The format of the pictures. PNG, and WebP without a quality, keep every pixel."
    )
    quality: int | None = Field(
        None,
        ge=1,
        le=100,
        description="Of JPEG, 95 by default and always without subsampling of colours, and of WebP, where it gives up "
        "pixels for smaller files.",
    )


_ONE, _LIST = "<format>", "<formats>"
_Formats = Annotated[
    Annotated[FormatName, Tag(_ONE)]
    | Annotated[tuple[FormatName, ...], Field(strict=False, min_length=1, max_length=8), Tag(_LIST)],
    Discriminator(lambda value: _LIST if isinstance(value, list | tuple) else _ONE),
]


class LabelsLike(Section):
    """Another set, whose order of classes the dataset takes over."""

    like: Text = Field(description="A set that `synthgen audit` opens, with the same classes.")


_WORD, _SET = "<order>", "<set>"
_Labels = Annotated[
    Annotated[Literal["spec", "alphabetical"], Tag(_WORD)]
    | Annotated[LabelsLike, Tag(_SET)]
    | Annotated[tuple[ClassName, ...], Field(strict=False, min_length=1), Tag(_LIST)],
    Discriminator(
        lambda value: (
            _LIST if isinstance(value, list | tuple) else _SET if isinstance(value, Mapping | LabelsLike) else _WORD
        )
    ),
]


class Output(Section):
    """The format, splits and shards of the dataset."""

    format: _Formats = Field(
        "parquet",
        description="The file format: 'parquet', 'hf', 'webdataset', 'imagefolder', 'coco', 'yolo', or that of an "
        "installed plug-in. Of several, each is in a folder of its name.",
    )
    format_options: Mapping[VariableName, Option] = Field(
        {}, description="Options of the plug-in that writes the format."
    )
    image: PictureEncoding = Field(PictureEncoding(), description="How its pictures are encoded.")
    splits: Annotated[Splits, Field(min_length=1, max_length=16)] = Field(
        {"train": 0.9, "test": 0.1},
        description="The size of each split: a share of all images up to 1, a number of images from 2, or 'rest'.",
    )
    near: Near = Field(
        NearRule(), description="Which images are near-duplicates, and so in one split. 'off': only equal files are."
    )
    together: Annotated[tuple[Relation, ...], Field(strict=False, max_length=2)] = Field(
        (), description="What else keeps images in one split: 'prompt', 'template', or both."
    )
    against: AgainstSets | None = Field(
        None, description="Sets that no image may be near to, such as your own test set. Default: none."
    )
    labels: _Labels = Field(
        "spec",
        description="How the dataset numbers the classes in its column `label`: 'spec', in the spec's order (the "
        "default); 'alphabetical', as torchvision's ImageFolder does; {like: SET}, as another set does; or in the "
        "order of a list of all classes.",
    )
    shard_size: Annotated[int, Field(ge=1, le=10_000)] | Literal["auto"] = Field(
        256,
        description="Accepted images per shard. A shard is the unit of work, of commit and of retry. 'auto' aims at "
        "ten minutes of work per shard, from 16 to 1024 images, as measured on this machine; the run keeps the number.",
    )
    rejects: Rejects = Field(Rejects(), description="What to keep of images that were not accepted.")
    surplus: Literal["keep", "drop"] = Field(
        "keep",
        description="Whether the ledger keeps surplus images in full, so that they can fill cells later. 'drop' treats "
        "them as 'rejects' says.",
    )

    marks: MarksOrNone = Field(
        Marks(),
        description="What each image of the dataset says of itself, in its metadata (XMP): that a model made it, and "
        "what the keys below say. 'false' marks no image.",
    )
    c2pa: CredentialsOrNone = Field(
        False,
        description="Sign each image of the dataset (C2PA), with the certificate and the key that the environment "
        "names. 'true' is short for a mapping without keys.",
    )

    def label_order(self, classes: Sequence[str]) -> list[str]:
        """Return the classes as the dataset numbers them. Another set must have been looked at before."""
        if isinstance(self.labels, tuple):
            return list(self.labels)
        assert self.labels in ("spec", "alphabetical"), "`with_explicit_labels` reads the set"
        return sorted(classes) if self.labels == "alphabetical" else list(classes)

    @property
    def formats(self) -> tuple[str, ...]:
        """The names of the formats that the dataset is written in."""
        return (self.format,) if isinstance(self.format, str) else self.format
