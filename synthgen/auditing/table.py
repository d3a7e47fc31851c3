"""The audited table as codes: one row for each image, checked once and counted many times."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthgen.errors import UsageError
from synthgen.spec import ASIDE
from synthgen.stats.estimates import Ints

if TYPE_CHECKING:
    from scipy.sparse import csr_array

AnswerCodes = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """The answers on all images for one attribute.

    Attributes:
        codes: an index into `answers` for each image.
    """

    name: str
    values: tuple[str, ...]
    codes: AnswerCodes

    @property
    def answers(self) -> tuple[str, ...]:
        return (*self.values, *ASIDE)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The audited table, encoded.

    Attributes:
        ids: of the images; None if the table has none.
        label: an index into `classes` for each image.
        cluster: the number of each image's prompt within its class, by the sorted prompts, or that of the images it
            depends on, see `dependence`; None without prompts, or if every image has its own.
        cluster_label: the class of each cluster, in the order of classes.
        undeclared: classes that the table has and the declaration lacks.
    """

    ids: pd.Index | None
    classes: tuple[str, ...]
    label: AnswerCodes
    cluster: NDArray[np.int64] | None
    cluster_label: NDArray[np.int64]
    attributes: Mapping[str, Answers]
    undeclared: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.label)

    def counts(self, attribute: str) -> Ints:
        """Count images by class and answer."""
        found = self.attributes[attribute]
        return crossed((self.label, len(self.classes)), (found.codes, len(found.answers)))

    def cluster_counts(self, attribute: str) -> csr_array:
        """Count images by prompt and value; answers that are not values are left out.

        Most prompts have few of many values: what is kept grows with the images, not with prompts times values.
        """
        from scipy.sparse import csr_array

        assert self.cluster is not None, "asked of a table that has clusters"
        found = self.attributes[attribute]
        valued = found.codes < len(found.values)
        places = self.cluster[valued], found.codes[valued]
        shape = len(self.cluster_label), len(found.values)
        return csr_array((np.ones(int(valued.sum()), dtype=np.int64), places), shape=shape)


def crossed(*columns: tuple[NDArray[np.integer], int]) -> Ints:
    """Count the rows with each combination of codes: an array with an axis for each column."""
    shape = [count for _, count in columns]
    flat = np.zeros(len(columns[0][0]), dtype=np.int64)
    for codes, count in columns:
        flat = flat * count + codes
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)


def read_table(
    frame: pd.DataFrame, attributes: Mapping[str, Sequence[str]], classes: Sequence[str] | None = None
) -> Table:
    """Check and encode a table with the columns `label`, one for each attribute and, optionally, `id` and `prompt`.

    Raises:
        UsageError: a column or a label is missing, an id is duplicated, or a value was not declared.
    """
    check_columns(frame, ["label", *attributes], "the table")
    label = frame["label"]
    if label.isna().any():
        first = _row(frame, label.isna())
        missing = f"{int(label.isna().sum())} of {len(frame)} images have no class, the first is {first}"
        raise UsageError(f"label: {missing}", hint="Give every image a class, or leave these out.")

    label = label.astype(str)
    there = sorted(label.unique())
    declared = tuple(classes) if classes is not None else tuple(there)
    undeclared = tuple(name for name in there if name not in declared)
    names = (*declared, *undeclared)
    codes = encode(label, names)

    read = {name: read_answers(frame, name, values) for name, values in attributes.items()}
    answers = [each.codes for each in read.values()]
    cluster, cluster_label = _clusters(frame.get("prompt"), codes, [*answers, codes])
    return Table(_ids(frame), names, codes, cluster, cluster_label, read, undeclared)


def read_answers(frame: pd.DataFrame, name: str, values: Sequence[str], where: str = "the table") -> Answers:
    """Read and encode the column `name`, in which an empty cell counts as 'unknown'.

    Raises:
        UsageError: a value was not declared, or fewer than two were.
    """
    if len(set(values)) < 2 or len(set(values)) < len(values) or set(values) & set(ASIDE):
        hint = f"Give each once; {' and '.join(map(repr, ASIDE))} are answers, not values."
        raise UsageError(f"{name}: expected two values or more, found {', '.join(values) or 'none'}", hint=hint)
    column = frame[name]
    codes = encode(column, (*values, *ASIDE))
    strange = (codes < 0) & column.notna().to_numpy()
    if strange.any():
        shown = f"{column[strange].iloc[0]!r} in {_row(frame, pd.Series(strange, frame.index))}"
        expected = ", ".join((*values, *ASIDE))
        raise UsageError(f"{name}: {where} has the value {shown}", hint=f"Expected one of {expected}; or declare it.")
    return Answers(name, tuple(values), np.where(codes < 0, len(values) + len(ASIDE) - 1, codes).astype(np.int32))


def check_columns(frame: pd.DataFrame, names: Collection[str], where: str) -> None:
    if missing := [name for name in names if name not in frame.columns]:
        there = ", ".join(map(str, frame.columns)) or "none"
        raise UsageError(f"{where} has no column {missing[0]!r}", hint=f"Its columns are {there}.")


def encode(column: pd.Series, names: Sequence[str]) -> AnswerCodes:
    """Return the position of each entry among `names`; -1 if it is none of them."""
    return pd.Index(list(names), dtype="object").get_indexer(pd.Index(column)).astype(np.int32)


def _ids(frame: pd.DataFrame) -> pd.Index | None:
    if "id" not in frame.columns:
        return None
    ids: pd.Index = pd.Index(frame["id"])
    if not ids.is_unique:
        raise UsageError(f"id: {ids[ids.duplicated()][0]!r} is duplicated", hint="Ids tell images apart.")
    return ids


def _clusters(
    prompt: pd.Series | None, label: AnswerCodes, answers: Sequence[AnswerCodes]
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """Number the prompts within classes, sorted, so that the order of the rows does not matter.

    An image without a prompt is a cluster of its own. Such images are sorted by their `answers`; those with the same
    answers are interchangeable.
    """
    none = np.zeros(0, dtype=np.int64)
    if prompt is None or prompt.isna().all():
        return None, none
    codes, uniques = pd.factorize(prompt)
    alone = np.flatnonzero(codes < 0)
    if len(uniques) + len(alone) == len(codes):
        return None, none

    ordered = np.argsort(np.argsort(np.asarray(uniques, dtype=object)))[codes]
    ordered[alone[np.lexsort([each[alone] for each in answers])]] = len(uniques) + np.arange(len(alone))
    wide = len(uniques) + len(alone)
    keys, cluster = np.unique(label.astype(np.int64) * wide + ordered, return_inverse=True)
    if len(keys) == len(codes):
        return None, none
    return cluster.astype(np.int64), keys // wide


def _row(frame: pd.DataFrame, where: pd.Series) -> str:
    """Name the first row that `where` selects, by its id if it has one."""
    first = int(np.flatnonzero(where.to_numpy())[0])
    return f"{frame['id'].iloc[first]!r}" if "id" in frame.columns else f"row {first + 1}"
