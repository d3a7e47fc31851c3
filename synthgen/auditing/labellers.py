"""Two labellers of the same images: how far they agree, and how often the first one may be wrong."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from synthgen.auditing.agreement import agree
from synthgen.auditing.table import read_table
from synthgen.errors import UsageError
from synthgen.stats.estimates import Corrected, Estimate, wilson

FEWEST_TWICE = 20
"""Images that both labelled, from which the first labeller's errors are bounded."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An image that two people labelled differently. The first label counts."""

    id: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Labellers:
    """Two labellings of one attribute.

    Attributes:
        both: images that both labelled.
        same: the share of these with the same label.
        kappa: Cohen's kappa of the values that both gave; `reason` says why it is missing.
        disagreements: in the order of the first labels.
        error: how often the first labeller may be wrong: the upper end of the interval of the share of disagreements.
            Intervals of figures corrected by labels are widened by it. None with fewer than 20 images in `both`.
    """

    attribute: str
    both: int
    same: Estimate | None
    kappa: Estimate | None
    reason: str | None
    disagreements: tuple[Disagreement, ...]
    error: float | None


def compare_labellers(
    first: pd.DataFrame, second: pd.DataFrame, attributes: Mapping[str, Sequence[str]]
) -> Iterator[Labellers]:
    """Compare two labellings of each attribute that both have.

    The first labeller is wrong at most as often as the two disagree, if they err independently of each other given what
    an image shows, and each is more often right than wrong about it: with error rates e and f, they disagree with
    probability of at least e (1 - f) + (1 - e) f = e + f (1 - 2 e) >= e for two values, and more for several (Hui and
    Walter 1980, Biometrics 36, estimate both under the same assumption). Errors that both share stay invisible.

    Args:
        first, second: tables with `id` and the attributes, as `read_labelling` reads them.

    Raises:
        UsageError: a table has an id twice, or they share no attribute or no labelled image.
    """
    names = [name for name in attributes if name in first.columns and name in second.columns]
    for table, what in ((first, "first"), (second, "second")):
        if table["id"].duplicated().any():
            twice = table["id"][table["id"].duplicated()].iloc[0]
            raise UsageError(f"the {what} labels have the id {twice!r} twice", argument="labels")
    found = [_of(first, second, name, attributes[name]) for name in names]
    if not any(each.both for each in found):
        hint = "Let the second labeller fill in the table of the same sample."
        raise UsageError("no image is labelled in both tables", argument="labels", hint=hint)
    yield from found


def _of(first: pd.DataFrame, second: pd.DataFrame, name: str, values: Sequence[str]) -> Labellers:
    ours, theirs = (each[["id", name]].dropna() for each in (first, second))
    both = ours.merge(theirs, on="id", suffixes=(" first", " second"))
    mine, other = both[f"{name} first"].astype(str), both[f"{name} second"].astype(str)
    table = read_table(pd.DataFrame({"id": both["id"], "label": "", name: mine}), {name: values})
    found = agree(table, pd.DataFrame({"id": both["id"], name: other}), name)

    apart = mine != other
    rows = zip(both["id"][apart], mine[apart], other[apart], strict=True)
    wrong = wilson(int(apart.sum()), len(both)) if len(both) >= FEWEST_TWICE else None
    return Labellers(
        attribute=name,
        both=len(both),
        same=found.same,
        kappa=found.kappa,
        reason=found.reason.replace("judges", "labellers") if found.reason else None,
        disagreements=tuple(Disagreement(str(name), *labels) for name, *labels in rows),
        error=wrong.high if wrong else None,
    )


def with_labeller(labels: Corrected, error: float | None) -> Corrected:
    """Widen shares corrected by labels by how often the labeller may be wrong; None changes nothing."""
    if error is None or labels.shares is None:
        return labels
    wide = tuple(
        Estimate(each.value, max(0.0, each.low - error), min(1.0, each.high + error)) for each in labels.shares
    )
    return replace(labels, shares=wide)


def error_together(parts: Iterable[str], errors: Mapping[str, float | None], known: Collection[str]) -> float | None:
    """Add up how often the labeller may be wrong about any part of a combination; None if that is not known."""
    found = [errors.get(part) for part in parts if part not in known]
    told = [each for each in found if each is not None]
    return min(1.0, sum(told)) if told and len(told) == len(found) else None
