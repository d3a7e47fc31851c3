"""When to stop, and what to write."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from synthgen.spec.fields import FormatName, Section, SplitName, VariableName

Option = str | int | float | bool | None
"""What an option of a plug-in may be set to."""


class Budget(Section):
    """How much to try."""

    attempts_per_image: int = Field(
        8, ge=1, le=1000, description="Attempts per image asked for; what is then missing is reported short."
    )


class Rejects(Section):
    """What becomes of the images that were not accepted. Their scores and reasons are always kept."""

    keep: Literal["scores", "thumbnails", "images"] = Field(
        "thumbnails", description="Keep the scores only, small thumbnails too, or the full images."
    )


class Output(Section):
    """The dataset's form."""

    format: FormatName = Field("parquet", description="The file format: 'parquet', or that of an installed plug-in.")
    format_options: Mapping[VariableName, Option] = Field(
        {}, description="Options of the plug-in that writes the format."
    )
    splits: Annotated[Mapping[SplitName, Annotated[float, Field(gt=0, le=1)]], Field(min_length=1, max_length=16)] = (
        Field({"train": 0.9, "test": 0.1}, description="The share of each split; together they make 1.")
    )
    shard_size: int = Field(
        256, ge=1, le=10_000, description="Accepted images per shard: the unit of work, commit and retry."
    )
    rejects: Rejects = Field(Rejects(), description="What becomes of images that were not accepted.")
