"""The columns of a dataset: one table, from which the writer, the card, the guide and the tests take them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pyarrow as pa

from synthgen.ledger import columns
from synthgen.ledger.columns import own_names

if TYPE_CHECKING:
    from datasets import Features

COLUMNS_VERSION = 3
"""Of the table below. 2 added `class`; 3 `model`, `attempt` and `shard`, and an order of its own."""
_OTHERS = "others"


@dataclass(frozen=True, slots=True)
class DatasetColumn:
    """A column of a dataset, or a family of columns.

    Attributes:
        name: of a family, with `*` for what differs; "others" for columns that come from the user's own set.
        kind: its type, as `datasets` calls it.
        meaning: a sentence for the card and the guide, in Markdown.
        when: which datasets have it; empty for all.
    """

    name: str
    kind: str
    meaning: str
    when: str = ""


COLUMNS = (
    DatasetColumn("id", "string", "The name of the image: its shard and its attempt, as in the ledger."),
    DatasetColumn("image", "Image", "The encoded picture: `bytes`, and `path`, the name of a file."),
    DatasetColumn("label", "ClassLabel", "The number of its class, in the order of `output.labels`."),
    DatasetColumn("class", "string", "The name of its class."),
    DatasetColumn("prompt", "string", "The prompt that it was made from."),
    DatasetColumn("negative_prompt", "string", "The negative prompt; empty if there was none."),
    DatasetColumn("seed", "int64", "The seed of its noise."),
    DatasetColumn("variables", "string", "What the template's variables stood for, as JSON."),
    DatasetColumn(
        columns.SETTINGS,
        "string",
        "What it drew of the model's settings that are choices, such as its steps, as JSON.",
        "with choices in `model`",
    ),
    DatasetColumn(
        columns.SOURCE_ID,
        "string",
        "The id of the picture that it began from, in the set of `source`.",
        "with `source`",
    ),
    DatasetColumn(
        columns.SOURCE_LABEL,
        "string",
        "The class of that picture, where `label` is what the image was asked to show.",
        "with `to: {class: ..}`",
    ),
    DatasetColumn(
        _OTHERS, "as in that set", "Taken over from that picture: they say what it showed.", "with `source.keep`"
    ),
    DatasetColumn(
        columns.BOXES,
        "list of lists of float32",
        "Left, top, right and bottom, in pixels of the image: the boxes of the picture's object or, with `box_scores`, "
        "those that a detector found of the image's class; an empty list if it found none.",
        "with `source.boxes` or `annotate.boxes`",
    ),
    DatasetColumn(
        columns.BOX_SCORES,
        "list of float32",
        "How sure the detector was of each box, from 0 to 1.",
        "with `annotate.boxes`",
    ),
    DatasetColumn(columns.MASK, "Image", "The mask of the picture's object, white where it is.", "with `source.mask`"),
    DatasetColumn(
        columns.MASKS,
        "list of Image",
        "The masks that a segmenter found, one for each box, white where the object is.",
        "with `annotate.masks`",
    ),
    DatasetColumn(
        columns.MASK_SCORES, "list of float32", "How well the segmenter took each mask to fit.", "with `annotate.masks`"
    ),
    DatasetColumn(
        columns.score("*"), "float32", "A score of the judge; null if it was not measured.", "for each score"
    ),
    DatasetColumn(
        columns.attribute("*"), "string", "The judge's answer, such as a value or `unknown`.", "for each attribute"
    ),
    DatasetColumn(
        columns.posteriors("*"), "struct of float32", "The probability of each possible answer.", "for each attribute"
    ),
    DatasetColumn("model", "string", "The model that made it, as the spec names it."),
    DatasetColumn("attempt", "int32", "The attempt that made it, within its shard."),
    DatasetColumn("shard", "int32", "The shard of the run that it was made in."),
    DatasetColumn(
        columns.INCLUDED_BY,
        "string",
        "Who took it in, though the filters had not accepted it; null for all others.",
        "where there are such images",
    ),
)
"""All of them, in the order in which a dataset has them."""


def column_of(name: str) -> DatasetColumn:
    """Find the entry for a column."""
    others = next(each for each in COLUMNS if each.name == _OTHERS)
    if not own_names([name]):
        return others
    return next((each for each in COLUMNS if fnmatchcase(name, each.name)), others)


def in_order(names: Iterable[str]) -> list[str]:
    """Sort the names of columns as the table has them; those of one family stay as they come."""
    return sorted(names, key=lambda name: COLUMNS.index(column_of(name)))


def explained(names: Iterable[str]) -> list[tuple[list[str], DatasetColumn]]:
    """Return the entries for the columns of a dataset, each with the names that it stands for, in order."""
    found: dict[DatasetColumn, list[str]] = {}
    for name in in_order(names):
        found.setdefault(column_of(name), []).append(name)
    return [(names, entry) for entry, names in found.items()]


def features_of(schema: pa.Schema, classes: Sequence[str]) -> "Features":
    """Return the types of a schema's columns, as `datasets` knows them."""
    from datasets import ClassLabel, Features, Image, List

    kinds = {"Image": Image(), "list of Image": List(Image()), "ClassLabel": ClassLabel(names=list(classes))}
    special = {name: kinds[kind] for name in schema.names if (kind := column_of(name).kind) in kinds}
    return Features(Features.from_arrow_schema(schema.remove_metadata()) | special)
