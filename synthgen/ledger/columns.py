"""The columns of a shard's two tables: what they are called, and what a row of them holds."""

import json
from collections.abc import Iterable, Mapping
from typing import Final, TypedDict

_SCORE, _ATTRIBUTE, _POSTERIORS = "score_", "attribute_", "posteriors_"

CELL_AIMED: Final = "cell_aimed"
CELL_FILLED: Final = "cell_filled"
PHASH: Final = "phash"
EMBEDDING: Final = "embedding"
INCLUDED_BY: Final = "included_by"
"""In datasets with images that the filters did not accept: who took the image in; null for the others."""
SETTINGS: Final = "settings"
"""What an image drew of the model's settings, as JSON. Where no setting is a choice, tables have no such column."""
SOURCE_ID: Final = "source_id"
"""The picture that an image began from. Where images begin from noise, tables have no such column."""
SOURCE_LABEL: Final = "source_label"
"""The class of that picture. Only the tables of runs that change classes have such a column."""
BOXES: Final = "boxes"
"""The boxes of the object, in pixels of the image: lists of left, top, right, bottom. """
MASK: Final = "mask"
"""The mask of the object, a picture. Only of sources that have some."""
BOX_SCORES: Final = "box_scores"
"""How sure the detector is of each box, from 0 to 1. Only where boxes were found."""
MASKS: Final = "masks"
"""The masks that were found, pictures: one for each box, in their order."""
MASK_SCORES: Final = "mask_scores"
"""How well the segmenter takes each of them to fit, mostly from 0 to 1."""
EARLY_STEP: Final = "early_step"
"""After which step it was decided whether to go on. Only where attempts may be stopped early, as the next two."""
EARLY_SCORE: Final = "early_score"
"""How far the rank of the prediction was above what is stopped: below 0 it is. Null where nothing of the kind was."""
EARLY_CONTROL: Final = "early_control"
"""Whether the attempt is in the control arm, which is finished whatever its score is."""
FOR_DUPLICATES = (PHASH, EMBEDDING)
"""Columns that only serve to find duplicates: a finished dataset leaves them out."""


class StoredImage(TypedDict):
    """An encoded picture, as `datasets.Image` stores it."""

    bytes: bytes
    path: str


ImageRow = TypedDict(
    "ImageRow",
    {
        "id": str,
        "image": StoredImage,
        "label": int,
        "class": str,
        "prompt": str,
        "negative_prompt": str,
        "variables": str,
        "seed": int,
        "settings": str,
        "source_id": str,
        "source_label": str,
        "boxes": list[list[float]] | None,
        "mask": StoredImage | None,
        "box_scores": list[float],
        "masks": list[StoredImage],
        "mask_scores": list[float],
        "phash": bytes,
        "embedding": object,
        "model": str,
        "shard": int,
        "attempt": int,
    },
    total=False,
)
"""A row of `shards/*.parquet`: an accepted image. The measured columns come besides.

`class`, `model`, `shard` and `attempt` are in datasets only.
"""

LedgerRow = TypedDict(
    "LedgerRow",
    {
        "id": str,
        "shard": int,
        "attempt": int,
        "class": str,
        "cell_aimed": str,
        "cell_filled": str | None,
        "template": str,
        "variables": str,
        "prompt": str,
        "negative_prompt": str,
        "seed": int,
        "settings": str,
        "source_id": str,
        "source_label": str,
        "boxes": list[list[float]] | None,
        "mask": StoredImage | None,
        "box_scores": list[float],
        "masks": list[StoredImage],
        "mask_scores": list[float],
        "verdict": str,
        "reason": str | None,
        "message": str | None,
        "early_step": int | None,
        "early_score": float | None,
        "early_control": bool | None,
        "seconds": float,
        "batch_size": int,
        "thumbnail": bytes | None,
        "image": StoredImage | None,
        "phash": bytes | None,
        "embedding": object,
    },
    total=False,
)
"""A row of `ledger/*.parquet`: an attempt. The measured columns come besides, as `scores_of` and its like read them."""


def own_names(columns: Iterable[str]) -> list[str]:
    """Return which of these names a table or a dataset has for its own columns, in any case."""
    own = {*ImageRow.__annotations__, *LedgerRow.__annotations__, INCLUDED_BY, "split"}
    prefixes = (_SCORE, _ATTRIBUTE, _POSTERIORS)
    return [name for name in columns if name.casefold() in own or name.casefold().startswith(prefixes)]


def score(name: str) -> str:
    """Name the column of a score."""
    return _SCORE + name


def attribute(name: str) -> str:
    """Name the column of an attribute's measured answer."""
    return _ATTRIBUTE + name


def posteriors(name: str) -> str:
    """Name the column of the probabilities of an attribute's answers."""
    return _POSTERIORS + name


def scores_in(columns: Iterable[str]) -> dict[str, str]:
    """Find the columns of scores among `columns`, by the score's name."""
    return _named(columns, _SCORE)


def attributes_in(columns: Iterable[str]) -> dict[str, str]:
    """Find the columns of measured answers among `columns`, by the attribute's name."""
    return _named(columns, _ATTRIBUTE)


def posteriors_in(columns: Iterable[str]) -> dict[str, str]:
    """Find the columns of posteriors among `columns`, by the attribute's name."""
    return _named(columns, _POSTERIORS)


def score_of(row: Mapping[str, object], name: str) -> float | None:
    """Read a score off a row; None where it was not measured.

    Raises:
        LookupError, ValueError: the row has no such score, or what it has is not a number.
    """
    return _number(row[score(name)])


def scores_of(row: Mapping[str, object]) -> dict[str, float | None]:
    """Read the scores of a row, by name; None where one was not measured.

    Raises:
        ValueError: one is not a number.
    """
    return {name: _number(row[column]) for name, column in scores_in(row).items()}


def answer_of(row: Mapping[str, object], name: str) -> str | None:
    """Read the measured answer for an attribute; None where it was not measured.

    Raises:
        LookupError, ValueError: the row has no such attribute, or what it has is not text.
    """
    return _text(row[attribute(name)])


def answers_of(row: Mapping[str, object]) -> dict[str, str]:
    """Read the measured answers of a row, by attribute, less those that were not measured.

    Raises:
        ValueError: one is not text.
    """
    answers = {name: _text(row[column]) for name, column in attributes_in(row).items()}
    return {name: answer for name, answer in answers.items() if answer is not None}


def posteriors_of(row: Mapping[str, object], name: str) -> dict[str, float]:
    """Read the probability of each of an attribute's answers; empty where they were not measured.

    Raises:
        ValueError: the column holds something else.
    """
    found = row.get(posteriors(name)) or {}
    if not isinstance(found, dict):
        raise ValueError(f"the posteriors of {name} are {found!r:.40}")
    return {str(answer): value for answer, each in found.items() if (value := _number(each)) is not None}


def settings_of(row: Mapping[str, object]) -> dict[str, str | int | float]:
    """Read what an image drew of the model's settings; nothing where all images have the same.

    Raises:
        ValueError: the column holds something else.
    """
    found = json.loads(_text(row.get(SETTINGS)) or "{}")
    if not isinstance(found, dict) or not all(isinstance(value, str | int | float) for value in found.values()):
        raise ValueError(f"the settings are {found!r:.40}")
    return found


def _named(columns: Iterable[str], prefix: str) -> dict[str, str]:
    return {column.removeprefix(prefix): column for column in columns if column.startswith(prefix)}


def _number(value: object) -> float | None:
    if value is not None and not isinstance(value, float | int):
        raise ValueError(f"{value!r:.40} is not a number")
    return value


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is not text")
    return value
