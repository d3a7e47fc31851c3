"""Bias from the pipeline itself: whom each filter lets through, from the ledger of every attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from synthgen.auditing.table import check_columns, read_answers
from synthgen.errors import UsageError
from synthgen.ledger.review import REVIEWER
from synthgen.records import Reason, Verdict
from synthgen.spec import ASIDE, UNKNOWN
from synthgen.stats.association import Test, filled, independent, with_holm
from synthgen.stats.estimates import Estimate, Ints, Z, estimate, wilson

FAILED, SURPLUS, TOGETHER = Verdict.FAILED.value, Verdict.SURPLUS.value, "all filters"
UNSEEN = (FAILED, Reason.EARLY.value)
"""What stops attempts of which no image was measured."""
SAFETY = ("safety_checker", Reason.UNSAFE.value)
"""The reasons that a safety measure gives: for a failure, and for a rejection."""


@dataclass(frozen=True, slots=True)
class Passage:
    """The images of one value, or of one group, at one filter.

    Attributes:
        name: the value, or 'unknown' or 'not applicable'.
        entered, passed: images before and after the filter.
        share_before, share_after: of the images with a value, before and after; None if `name` is not a value.
        rate: passed by entered.
    """

    name: str
    entered: int
    passed: int
    share_before: Estimate | None
    share_after: Estimate | None
    rate: Estimate | None


@dataclass(frozen=True, slots=True)
class Filter:
    """What one filter does to one attribute.

    Attributes:
        filter: the reason that it gives; 'failed' for images that were never made, 'surplus' for good images that were
            not needed; 'all filters' for all filters together, without these two.
        class_name: None for all classes together. A filter that treats values alike within each class may still not do
            so overall, if it is stricter with some classes.
        lowest_to_highest: the lowest rate of a value by the highest: the 'four-fifths rule' asks for 0.8. The interval
            is Katz's (1978), of the ratio's logarithm. None with fewer than two values.
        test: whether the rate is the same for every value.
        reason: why there is no test.
    """

    attribute: str
    filter: str
    class_name: str | None
    values: tuple[Passage, ...]
    lowest_to_highest: Estimate | None
    test: Test | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Losses:
    """Attempts of one group, such as a class, that gave no image, and those that a safety measure blocked.

    Attributes:
        column, group: 'label' and a class, or another column and its entry.
    """

    column: str
    group: str
    attempts: int
    failed: int
    failed_rate: Estimate | None
    blocked: int
    blocked_rate: Estimate | None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the filters of a run did to its attempts.

    Attributes:
        stages: the filters in order, with how many attempts each stopped.
        failed_tests, blocked_tests: by column, whether its groups lose alike.
    """

    attempts: int
    stages: tuple[tuple[str, int], ...]
    filters: tuple[Filter, ...]
    losses: tuple[Losses, ...]
    failed_tests: Mapping[str, Test | None]
    blocked_tests: Mapping[str, Test | None]


def read_pipeline(
    ledger: pd.DataFrame,
    attributes: Mapping[str, Sequence[str]],
    rng: np.random.Generator,
    groups: Sequence[str] = (),
) -> Pipeline:
    """Measure a ledger with the columns `label`, `verdict`, `reason` and one for each attribute.

    The filters are in the order of `Reason`: an attempt passes all filters before the one that stopped it. The judge
    that filtered also measured the attributes: its errors are in both. `groups` are further columns to count losses by,
    such as a prompt's variables, since an image that was never made has no measured attribute. Attempts count as
    independent, even those of one prompt.

    Raises:
        UsageError: a column is missing, or a verdict, a reason or a value is unknown.
    """
    check_columns(ledger, ["label", "verdict", "reason", *attributes, *groups], "the ledger")
    stopped = _stopped(ledger)
    order = [FAILED, *(reason.value for reason in Reason), SURPLUS, REVIEWER]
    stages = tuple((name, int((stopped == name).sum())) for name in order if (stopped == name).any())

    names, filters = [stage for stage, _ in stages], []
    label, classes = pd.factorize(ledger["label"].astype("string"), sort=True)
    for name, values in attributes.items():
        answers = read_answers(ledger, name, values, "the ledger")
        for index, kind in enumerate((None, *classes)):
            inside = label == index - 1 if kind is not None else np.ones(len(ledger), dtype=bool)
            table = _by_stage(answers.codes[inside], stopped[inside], names, len(answers.answers))
            filters += _filters(name, kind, answers.answers, table, names, rng)
    filters = _with_holm(filters)

    losses, failed_tests, blocked_tests = [], {}, {}
    blocked = ledger["reason"].isin(SAFETY).to_numpy()
    for column in ("label", *groups):
        found, failed_tests[column], blocked_tests[column] = _losses(ledger, column, stopped == FAILED, blocked, rng)
        losses += found
    return Pipeline(len(ledger), stages, tuple(filters), tuple(losses), failed_tests, blocked_tests)


def _stopped(ledger: pd.DataFrame) -> np.ndarray:
    """Return what stopped each attempt; an empty string if it was accepted."""
    verdict, reason = ledger["verdict"].astype("string"), ledger["reason"].astype("string").fillna("")
    known = {item.value for item in Verdict}
    if strange := [str(item) for item in verdict.unique() if item not in known]:
        raise UsageError(f"the ledger has the verdict {strange[0]!r}", hint=f"Expected {', '.join(sorted(known))}.")
    rejected = verdict == Verdict.REJECTED.value
    reasons = {*(item.value for item in Reason), REVIEWER}
    if strange := [str(item) for item in reason[rejected].unique() if item not in reasons]:
        raise UsageError(f"the ledger has the reason {strange[0]!r}", hint=f"Expected {', '.join(sorted(reasons))}.")
    stopped = np.where(rejected, reason, np.where(verdict == Verdict.ACCEPTED.value, "", verdict))
    return stopped.astype(str)


def _by_stage(codes: np.ndarray, stopped: np.ndarray, stages: Sequence[str], answers: int) -> Ints:
    """Count images by answer and by what stopped them: a column for each stage, and a last one for the accepted."""
    table = np.zeros((answers, len(stages) + 1), dtype=np.int64)
    for index, name in enumerate((*stages, "")):
        table[:, index] = np.bincount(codes[stopped == name], minlength=answers)
    return table


def _filters(
    attribute: str,
    kind: str | None,
    answers: Sequence[str],
    table: Ints,
    stages: Sequence[str],
    rng: np.random.Generator,
) -> list[Filter]:
    """Measure each filter overall, and all filters together overall and in each class."""
    # Images that entered stage s were stopped in it or later.
    entering = table[:, ::-1].cumsum(1)[:, ::-1]
    judging = [index for index, stage in enumerate(stages) if stage not in (*UNSEEN, SURPLUS, REVIEWER)]
    spans = [(stage, index, index) for index, stage in enumerate(stages) if stage not in UNSEEN and kind is None]
    if judging:
        spans.append((TOGETHER, judging[0], judging[-1]))
    return [
        _filter(attribute, name, kind, answers, entering[:, first], entering[:, last + 1], rng)
        for name, first, last in spans
    ]


def _with_holm(filters: list[Filter]) -> list[Filter]:
    adjusted = with_holm([found.test for found in filters])
    return [replace(found, test=test) for found, test in zip(filters, adjusted, strict=True)]


def _filter(
    attribute: str,
    name: str,
    kind: str | None,
    answers: Sequence[str],
    entered: Ints,
    passed: Ints,
    rng: np.random.Generator,
) -> Filter:
    values = len(answers) - len(ASIDE)
    before, after = int(entered[:values].sum()), int(passed[:values].sum())

    rows = []
    for index, answer in enumerate(answers):
        valued = index < values
        rows.append(
            Passage(
                answer,
                int(entered[index]),
                int(passed[index]),
                wilson(int(entered[index]), before) if valued else None,
                wilson(int(passed[index]), after) if valued else None,
                wilson(int(passed[index]), int(entered[index])),
            )
        )

    table = np.stack([passed[:values], entered[:values] - passed[:values]], axis=1)
    test, reason = _same_rate(table, rng)
    return Filter(attribute, name, kind, tuple(rows), _lowest_to_highest(table), test, reason)


def _same_rate(table: Ints, rng: np.random.Generator) -> tuple[Test | None, str | None]:
    """Test whether the rows [passed, stopped] have the same rate; or return why there is no test."""
    table = filled(table)
    if len(table) < 2:
        return None, "fewer than two values entered"
    if table.shape[1] < 2:
        return None, "all of them passed" if table.sum() else "none entered"
    return independent(table, rng), None


def _lowest_to_highest(table: Ints) -> Estimate | None:
    """Return the lowest rate by the highest, with Katz's interval (Katz, Baptista, Azen and Pike 1978, Biometrics 34).

    Half an image is added to each count, so that zeros are possible.
    """
    table = table[table.sum(1) > 0]
    if len(table) < 2 or not table[:, 0].any():
        return None
    rate = table[:, 0] / table.sum(1)
    low, high = int(np.argmin(rate)), int(np.argmax(rate))
    passed, entered = table[:, 0] + 0.5, table.sum(1) + 0.5
    variance = 1 / passed[low] - 1 / entered[low] + 1 / passed[high] - 1 / entered[high]
    middle = passed[low] / entered[low] / (passed[high] / entered[high])
    around = np.exp(Z * variance**0.5)
    return estimate(rate[low] / rate[high], middle / around, min(1.0, middle * around))


def _losses(
    ledger: pd.DataFrame, column: str, failed: np.ndarray, blocked: np.ndarray, rng: np.random.Generator
) -> tuple[list[Losses], Test | None, Test | None]:
    """Count losses by the column's entries; an empty one counts as 'unknown'."""
    codes, names = pd.factorize(ledger[column].astype("string").fillna(UNKNOWN), sort=True)
    attempts = np.bincount(codes, minlength=len(names))
    lost = [np.bincount(codes[which], minlength=len(names)) for which in (failed, blocked)]
    rows = []
    for index, name in enumerate(names):
        of, fell, held = int(attempts[index]), int(lost[0][index]), int(lost[1][index])
        rows.append(Losses(column, str(name), of, fell, wilson(fell, of), held, wilson(held, of)))
    tests = [_same_rate(np.stack([which, attempts - which], axis=1), rng)[0] for which in lost]
    return rows, tests[0], tests[1]
